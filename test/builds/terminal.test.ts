import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { cp, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { asUser } from '../support/ordinary-user.js';
import { cleanEnvironment, run } from '../support/run.js';
import { Terminal } from '../support/terminal.js';
import { BuildPlace } from './build-place.js';

let place: BuildPlace;

beforeAll(async () => {
  place = await BuildPlace.create('terminal');
  await place.berth('import', await writeBusyboxRoot(place.folder), 'base:latest');
});
afterAll(() => place[Symbol.asyncDispose]());

async function open(
  dockerfile: string,
  { flags = '', columns = 80, rows = 24 }: { flags?: string; columns?: number; rows?: number } = {},
): Promise<Terminal> {
  const context = await place.context({ Dockerfile: dockerfile });
  const command = `${BERTH} build --no-cache ${flags} ${context}`;
  return Terminal.start(command, { columns, rows, env: place.environment() });
}

/** Says things that are hard to draw: long and wide lines, tabs, carriage returns, colours, half lines. */
const TALK = String.raw`for i in $(seq 1 30); do
  printf 'a line of %s that is much longer than the terminal is wide, since it goes on and on %s\n' $NAME $i
  printf '\ttab\ttab\ttab\ttab\ttab\ttab\ttab\ttab\ttab\ttab\ttab\n'
  printf '漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字\n'
  printf '10%%\r50%%\r\033[31mred\033[0m '; printf 'and half\n'
  sleep 0.05
done`;
const TWO = ['one', 'two']
  .map((name) => `FROM base AS ${name}\nRUN <<END\nNAME=${name}\n${TALK}\nEND\n`)
  .concat('FROM base\nCOPY --from=one /bin/busybox /one\nCOPY --from=two /bin/busybox /two\n')
  .join('');

describe('progress on a terminal', () => {
  it.each([
    { columns: 80, rows: 24 },
    { columns: 40, rows: 8 },
  ])('is drawn in its place, in $columns columns and $rows rows', async (size) => {
    await using terminal = await open(TWO, size);
    await terminal.until(/a line of/);
    for (let look = 0; look < 10; look += 1) {
      const lines = await terminal.everything();
      // What is drawn again must not pile up: no more than the last lines of two steps.
      expect(lines.filter((line) => line.startsWith('=> => ')).length).toBeLessThanOrEqual(12);
      expect(lines.filter((line) => /^=> \[one 2\/2\] RUN/.test(line)).length).toBeLessThanOrEqual(1);
      await sleep(100);
    }
    const lines = await terminal.until(/ended with/);
    expect(lines.at(-1)).toBe('ended with 0');
    const steps = lines.filter((line) => line.startsWith('=> '));
    expect(steps.filter((line) => line.startsWith('=> => '))).toEqual([]);
    expect(steps.filter((line) => line.includes(' RUN <<END')).length).toBe(2);
    expect(steps.filter((line) => line.includes(' COPY --from')).length).toBe(2);
    expect(lines.filter((line) => line.startsWith('sha256:')).length).toBe(1);
  });

  it('shows whole lines of the output', async () => {
    const goOn: (() => void)[] = [];
    // nc says at once that it has nothing to send, and is to wait all the same.
    const server = createServer({ allowHalfOpen: true }, (socket) => goOn.push(() => void socket.end()));
    server.listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const seen = `nc 127.0.0.1 ${(server.address() as AddressInfo).port}`; // waits until it has been
    const script = String.raw`printf 'be'; sleep 1; printf 'gun\n'; ${seen}; printf '\303'; sleep 1; printf '\251t\303\251\n'; ${seen}`;
    await using terminal = await open(`FROM base\nRUN ${script}\n`, { flags: '--network=host' });
    for (const line of [/^=> => begun$/, /^=> => été$/]) {
      await terminal.until(line);
      await expect.poll(() => goOn.length).toBe(1);
      goOn.pop()?.();
    }
    expect((await terminal.until(/ended with/)).filter((line) => line.startsWith('=> => '))).toEqual([]);
  });

  it('ends with the error, and the output of the step that failed', async () => {
    await using terminal = await open('FROM base\nRUN echo before it failed; exit 7\n');
    const lines = await terminal.until(/ended with/);
    const text = lines.join('\n');
    expect(text).toMatch(/^=> ERROR \[2\/2\] RUN echo before/m);
    expect(text).toMatch(/^.*before it failed$/m);
    expect(text).toMatch(/exit code:? 7/);
    expect(lines.at(-1)).toBe('ended with 1');
  });
});

describe('Control and C', () => {
  it('end the build, and what was drawn', async () => {
    await using terminal = await open('FROM base\nRUN echo begun; sleep 300\n');
    await terminal.until(/^=> => begun$/);
    await terminal.interrupt();
    const lines = await terminal.until(/ended with/);
    expect(lines.at(-1)).toBe('ended with 130');
    expect(lines.filter((line) => line.startsWith('=> => '))).toEqual([]);
    expect(lines.join('\n')).toContain('interrupted');
  });
});

describe('--debug', () => {
  it('opens a shell in what the step left, which nothing draws over', async () => {
    const dockerfile = `FROM base AS other
RUN for i in $(seq 1 40); do echo other $i; sleep 0.2; done
FROM base
ENV WHO=me
RUN --mount=type=secret,id=s sleep 1; echo half > /state; echo its output; exit 3
COPY --from=other /bin/sh /sh
`;
    const secret = await place.context({ s: 'hush' });
    await using terminal = await open(dockerfile, { flags: `--debug --secret id=s,src=${secret}/s` });
    const shown = (await terminal.until(/^\S* # *$/)).join('\n');
    expect(shown).toContain('its output');
    expect(shown).toMatch(/exit code:? 3/);
    await terminal.type('cat /state; echo "who is $WHO"; cat /run/secrets/s; echo; tty');
    const lines = await terminal.until(/^\/dev\//);
    expect(lines.join('\n')).toMatch(/half\nwho is me\nhush/);
    // Another step goes on meanwhile, in silence.
    await sleep(1500);
    expect((await terminal.screen()).at(-1)).toMatch(/# *$/);
    expect((await terminal.everything()).join('\n')).not.toMatch(/=> => other/);
    await terminal.type('exit 5');
    const all = await terminal.until(/ended with/);
    expect(all.at(-1)).toBe('ended with 1');
    expect(all.join('\n')).toContain('RUN --mount=type=secret');
  });
});

describe.runIf(process.getuid?.() === 0)('an ordinary user', () => {
  const user = `berth-t${randomInt(1e6)}`;
  beforeAll(async () => void (await run(['useradd', '--create-home', user])));
  afterAll(async () => void (await run(['userdel', '--remove', user])));

  it('has that shell too', async () => {
    const as = asUser(user);
    const home = `/home/${user}`;
    const env = cleanEnvironment({ HOME: home, TMPDIR: home, BERTH_ROOT: `${home}/root` });
    await cp(place.path('busybox-root.tar'), `${home}/base.tar`);
    await run([...as, BERTH, 'import', `${home}/base.tar`, 'base:latest'], { env });
    await writeFile(`${home}/Dockerfile`, 'FROM base\nRUN echo left > /left; echo says; exit 4\n');
    const command = [...as, BERTH, 'build', '--debug', home].map((word) => `'${word}'`).join(' ');
    await using terminal = await Terminal.start(command, { columns: 100, rows: 30, env });
    await terminal.until(/^\S* # *$/);
    await terminal.type('cat /left; id -u; tty');
    expect((await terminal.until(/^\/dev\//)).join('\n')).toMatch(/left\n0\n/);
    await terminal.type('exit');
    expect((await terminal.until(/ended with/)).at(-1)).toBe('ended with 1');
  });
});
