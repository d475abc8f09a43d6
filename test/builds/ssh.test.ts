import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { copyPrograms } from '../support/program-root.js';
import { run } from '../support/run.js';
import { BuildPlace } from './build-place.js';

const LIST = 'FROM ssh-base\nRUN --mount=type=ssh ssh-add -l > /keys\n';

let place: BuildPlace;

beforeAll(async () => {
  place = await BuildPlace.create('ssh');
  const tar = await writeBusyboxRoot(place.folder);
  const root = place.path('busybox-root');
  await copyPrograms(root, ['/usr/bin/ssh-add', '/usr/bin/ssh-keygen']);
  await run(['tar', '-C', root, '--numeric-owner', '--owner=0', '--group=0', '-cf', tar, '.']);
  await place.berth('import', tar, 'ssh-base:latest');
});
afterAll(() => place[Symbol.asyncDispose]());

let keys = 0;
async function makeKey(...options: readonly string[]): Promise<string> {
  keys += 1;
  const path = place.path(`key-${keys}`);
  await run(['ssh-keygen', '-q', '-N', '', '-C', `key-${keys}`, '-f', path, ...options]);
  return path;
}

async function fingerprint(key: string): Promise<string> {
  return (await run(['ssh-keygen', '-lf', `${key}.pub`])).split(' ')[1] ?? '';
}

async function outputOf(
  dockerfile: string,
  args: readonly string[],
  file: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const out = place.path(`out-${Math.random().toString(36).slice(2)}`);
  const context = await place.context({ Dockerfile: dockerfile });
  const command = [BERTH, 'build', '-q', '--no-cache', '-o', out, ...args, context];
  await run(command, { env: place.environment(env) });
  return readFile(join(out, file), 'utf8');
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let waited = 0; !isTrue(); waited += 100) {
    if (waited > 30_000) throw new Error('nothing has happened for 30 s');
    await sleep(100);
  }
}

const agentFolders = (temporary: string) =>
  readdirSync(temporary).filter((name) => name.startsWith('berth-agent-'));

describe('keys for RUN --mount=type=ssh', () => {
  it.each([
    { kind: 'ed25519', options: ['-t', 'ed25519'] },
    { kind: 'RSA in PEM', options: ['-t', 'rsa', '-b', '2048', '-m', 'PEM'] },
    { kind: 'ECDSA in PKCS#8', options: ['-t', 'ecdsa', '-m', 'PKCS8'] },
  ])('may be $kind, whoever may read the file', async ({ options }) => {
    const key = await makeKey(...options);
    await chmod(key, 0o644);
    const listed = await outputOf(LIST, ['--ssh', `default=${key}`], 'keys');
    expect(listed).toContain(await fingerprint(key));
  });

  it('sign what the command wants signed', async () => {
    const key = await makeKey('-t', 'ed25519');
    const dockerfile = `FROM ssh-base
COPY <<KEY /key.pub
${await readFile(`${key}.pub`, 'utf8')}
KEY
RUN --mount=type=ssh echo said > /said && ssh-keygen -q -Y sign -f /key.pub -n berth /said
`;
    const signature = await outputOf(dockerfile, ['--ssh', `default=${key}`], 'said.sig');
    await writeFile(place.path('said.sig'), signature);
    await writeFile(place.path('signers'), `me ${await readFile(`${key}.pub`, 'utf8')}`);
    const verify = ['-Y', 'verify', '-f', place.path('signers'), '-I', 'me', '-n', 'berth'];
    const verified = await run(['ssh-keygen', ...verify, '-s', place.path('said.sig')], { input: 'said\n' });
    expect(verified).toContain('Good "berth" signature for me');
  });

  it('may be several, under several ids', async () => {
    const [one, two, three] = [
      await makeKey('-t', 'ed25519'),
      await makeKey('-t', 'ed25519'),
      await makeKey('-t', 'ed25519'),
    ];
    const args = ['--ssh', `default=${one},${two}`, '--ssh', `other=${three}`];
    const first = await outputOf(LIST, args, 'keys');
    expect(first).toContain(await fingerprint(one));
    expect(first).toContain(await fingerprint(two));
    const other = await outputOf(LIST.replace('type=ssh', 'type=ssh,id=other'), args, 'keys');
    expect(other.trim().split('\n').length).toBe(1);
    expect(other).toContain(await fingerprint(three));
  });

  it('are gone with the build, agent and all', async () => {
    const key = await makeKey('-t', 'ed25519');
    const temporary = place.path('used');
    await mkdir(temporary);
    await outputOf(LIST, ['--ssh', `default=${key}`], 'keys', { TMPDIR: temporary });
    expect(readdirSync(temporary)).toEqual([]);
    // Nothing of the key is in the store.
    const secret = (await readFile(key, 'utf8')).split('\n')[2] ?? '';
    const found = run(['grep', '-rlF', '--', secret, place.path('root')]);
    await expect(found).rejects.toThrow('ended with 1');
  });

  it('are gone soon when the build is killed', async () => {
    const key = await makeKey('-t', 'ed25519');
    const context = await place.context({ Dockerfile: `FROM ssh-base\nRUN --mount=type=ssh sleep 300\n` });
    const temporary = place.path('temporary');
    await mkdir(temporary);
    const child = spawn(BERTH, ['build', '-q', '--no-cache', '--ssh', `default=${key}`, context], {
      env: place.environment({ TMPDIR: temporary }),
      stdio: 'ignore',
    });
    await until(() => agentFolders(temporary).some((name) => existsSync(join(temporary, name, 'agent'))));
    child.kill('SIGKILL');
    await until(() => agentFolders(temporary).length === 0);
  });

  it('come to an agent that runs, and to a user who is not root', async () => {
    const key = await makeKey('-t', 'ed25519');
    const script = `eval $(ssh-agent -s) >/dev/null && ssh-add -q "$0" && "$@"; code=$?; kill $SSH_AGENT_PID; exit $code`;
    const context = await place.context({
      Dockerfile: `FROM ssh-base\nUSER daemon\nRUN --mount=type=ssh,uid=1,required ssh-add -l > /tmp/keys\n`,
    });
    const out = place.path('agent-out');
    const command = [BERTH, 'build', '-q', '--ssh', 'default', '-o', out, context];
    await run(['sh', '-c', script, key, ...command], { env: place.environment() });
    expect(await readFile(join(out, 'tmp/keys'), 'utf8')).toContain(await fingerprint(key));
  });

  it('are refused when they cannot be used', async () => {
    const context = await place.context({ Dockerfile: LIST });
    const key = await makeKey('-t', 'ed25519');
    const locked = place.path('locked');
    await run(['ssh-keygen', '-q', '-N', 'secret', '-t', 'ed25519', '-f', locked]);
    await writeFile(place.path('broken'), '-----BEGIN OPENSSH PRIVATE KEY-----\nnonsense\n');
    const failure = async (ssh: string) =>
      (await place.failure('build', '--no-cache', '--ssh', ssh, context)).stderr;
    expect(await failure(`default=${key}.pub`)).toContain('neither the socket of an agent nor a private key');
    expect(await failure('default=/nowhere')).toContain('there is no file or socket /nowhere');
    expect(await failure(`default=${locked}`)).toContain('protected by a passphrase');
    expect(await failure(`default=${place.path('broken')}`)).toMatch(/cannot use the key .*broken: /);
  });
});
