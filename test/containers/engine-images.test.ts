import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { EngineProcess } from '../support/engine-process.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { RunError } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const DOCKERFILE = `FROM scratch AS base
COPY busybox /bin/busybox
COPY busybox /bin/sh
FROM base AS app
ARG GREETING=none
LABEL team=blue
RUN echo "greeting: $GREETING"
CMD ["/bin/sh"]
`;

let engine: EngineProcess;
let registry: BerthProcess;
/** `host:port/team/app:1` */
let remote: string;

beforeAll(async () => {
  [engine, registry] = await Promise.all([EngineProcess.start(), BerthProcess.start()]);
  remote = `${registry.address}/team/app:1`;
  await mkdir(engine.path('context'));
  await copyFile('/bin/busybox', engine.path('context', 'busybox'));
  await writeFile(engine.path('context', 'Dockerfile'), DOCKERFILE);
});

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await engine?.[Symbol.asyncDispose]();
});

async function failureOf(...args: readonly string[]): Promise<RunError> {
  const error = await engine.docker(args).catch((reason: unknown) => reason);
  if (error instanceof RunError) return error;
  throw new Error(`docker ${args.join(' ')} was expected to fail`);
}

async function idOf(name: string): Promise<string> {
  return (await engine.docker(['image', 'inspect', '--format', '{{.Id}}', name])).trim();
}

describe('docker, with berth engine in the place of its daemon', () => {
  it('builds, and shows how far it is', async () => {
    const args = ['build', '-t', 'app:1', '--build-arg', 'GREETING=hi', engine.path('context')];
    const said = await engine.docker(args);
    expect(said).toMatch(/^Step 1\/2 : COPY busybox \/bin\/busybox \(base\)$/m);
    expect(said).toMatch(/^greeting: hi$/m);
    expect(said).toMatch(/^Successfully built [0-9a-f]{12}\nSuccessfully tagged app:1$/m);
    expect(await engine.docker(args)).toContain(' ---> Using cache\n');
    const quiet = ['build', '-q', '--build-arg', 'GREETING=hi', engine.path('context')];
    expect(await engine.docker(quiet)).toBe(`${await idOf('app:1')}\n`);
  });

  it('builds by a Dockerfile that is not in the context', async () => {
    const build = ['build', '-q', '-f', '-', engine.path('context')];
    const id = await engine.docker(build, { input: 'FROM scratch\nCOPY busybox /bin/\n' });
    expect(id).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    await engine.docker(['rmi', id.trim()]);
  });

  it('ends a build as the command that failed', async () => {
    const file = 'FROM app:1\nRUN echo bad >&2; exit 7\n';
    const failure = await engine
      .docker(['build', '-'], { input: file })
      .catch((error: unknown) => error as RunError);
    expect(failure).toMatchObject({ code: 7, stderr: expect.stringContaining('exit code: 7') });
    const wrong = await engine.docker(['build', '-'], { input: 'FORM x\n' }).catch((error: unknown) => error);
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/unknown instruction/i) });
  });

  it('lists, inspects and tells the history', async () => {
    const format = '{{.Repository}}:{{.Tag}} {{.Size}}';
    const listed = await engine.docker(['images', '--filter', 'label=team=blue', '--format', format, 'app']);
    expect(listed).toMatch(/^app:1 \S+B\n$/);
    expect(await engine.docker(['inspect', '-f', '{{.Config.Labels.team}} {{.Os}}', 'app:1'])).toBe(
      'blue linux\n',
    );
    expect(await engine.docker(['history', '--format', '{{.CreatedBy}}', 'app:1'])).toMatch(
      /^CMD \["\/bin\/sh"\]/,
    );
    expect(await failureOf('image', 'inspect', 'nothing')).toMatchObject({
      stderr: expect.stringContaining('No such image'),
    });
  });

  it('pushes, removes and pulls', async () => {
    const id = await idOf('app:1');
    await engine.docker(['tag', 'app:1', remote]);
    const pushed = await engine.docker(['push', remote]);
    const [, digest = ''] = /^1: digest: (sha256:[0-9a-f]{64}) size: \d+$/m.exec(pushed) ?? [];
    expect(await engine.docker(['push', remote])).toContain('Layer already exists');
    expect(await engine.docker(['rmi', remote])).toContain(`Untagged: ${remote}\n`);
    expect(await engine.docker(['rmi', '-f', id])).toContain(`Deleted: ${id}\n`);
    const pulled = await engine.docker(['pull', remote]);
    expect(pulled).toContain(`Digest: ${digest}\nStatus: Downloaded newer image for ${remote}\n`);
    expect(await engine.docker(['pull', remote])).toContain(`Status: Image is up to date for ${remote}\n`);
    expect(await idOf(remote)).toBe(id);
    expect(await failureOf('pull', `${registry.address}/team/app:none`)).toMatchObject({
      stderr: expect.stringContaining('not found'),
    });
    expect(await engine.docker(['search', `${registry.address}/team`])).toContain('team/app');
  });

  it('saves, loads, imports and prunes', async () => {
    const id = await idOf(remote);
    await engine.docker(['save', '-o', engine.path('app.tar'), remote]);
    await engine.docker(['rmi', '-f', id]);
    expect(await engine.docker(['load', '-i', engine.path('app.tar')])).toContain(
      `Loaded image: ${remote}\n`,
    );
    expect(await idOf(remote)).toBe(id);
    const args = ['import', '-c', 'CMD ["/x"]', '-m', 'brought', engine.path('app.tar'), 'brought:1'];
    await engine.docker(args);
    expect(await engine.docker(['inspect', '-f', '{{.Config.Cmd}} {{.Comment}}', 'brought:1'])).toBe(
      '[/x] brought\n',
    );
    expect(await engine.docker(['system', 'df'])).toMatch(/^Images +2 /m);
    await engine.docker(['builder', 'prune', '-af']);
    await engine.docker(['image', 'prune', '-f', '-a', '--filter', 'label!=team']);
    expect(await engine.docker(['images', '-q'])).toBe(`${id.slice(7, 19)}\n`);
  });

  it('logs in where the registry takes it, and pushes so', async () => {
    await using folder = await temporaryFolder();
    const htpasswd = `${folder.path}/htpasswd`;
    await writeHtpasswd(htpasswd, { ann: 'secret' });
    await using guarded = await BerthProcess.start({
      config: { auth: { htpasswd: { realm: 'r', path: htpasswd } } },
    });
    const name = `${guarded.address}/team/app:1`;
    await engine.docker(['tag', remote, name]);
    expect(await failureOf('push', name)).toMatchObject({ code: 1 });
    const login = (password: string) =>
      engine.docker(['login', '-u', 'ann', '--password-stdin', guarded.address], { input: password });
    await expect(login('wrong')).rejects.toMatchObject({ stderr: expect.stringContaining('does not take') });
    expect(await login('secret')).toContain('Login Succeeded');
    expect(await engine.docker(['push', name])).toContain('1: digest: sha256:');
    await engine.docker(['rmi', name]);
  });

  it('tells of itself, and of what has happened', async () => {
    expect(await engine.docker(['version', '-f', '{{.Server.Platform.Name}} {{.Server.APIVersion}}'])).toBe(
      'Berth 1.47\n',
    );
    expect(await engine.docker(['info', '-f', '{{.OSType}} {{.DockerRootDir}}'])).toBe(
      `linux ${engine.path('root')}\n`,
    );
    const past = await engine.docker([
      ...['events', '--since', '0', '--until', `${Math.floor(Date.now() / 1000)}`],
      ...['--filter', 'event=push', '--format', '{{.Action}} {{.Actor.ID}}'],
    ]);
    expect(past.split('\n')[0]).toBe(`push ${remote}`);
    const args = ['events', '--filter', 'type=image', '--format', '{{.Action}} {{.Actor.Attributes.name}}'];
    const following = spawn('docker', args, {
      env: engine.environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const first = once(createInterface(following.stdout), 'line');
    // It has begun when it tells of something.
    let isTold = false;
    void first.then(() => {
      isTold = true;
    });
    while (!isTold) {
      await engine.docker(['tag', remote, 'seen:1']);
      await sleep(200);
    }
    expect(String((await first)[0])).toBe('tag seen:1');
    following.kill();
    await once(following, 'close');
  });

  it('is told that there is no swarm', async () =>
    expect(await failureOf('node', 'ls')).toMatchObject({
      stderr: expect.stringContaining('This node is not a swarm manager'),
    }));
});

describe('berth engine', () => {
  it('can be reached by its owner and group only', async () =>
    expect((await stat(engine.socketPath)).mode & 0o777).toBe(0o660));

  it('says what clients ask first', async () => {
    const { status, headers, text: body } = await engine.ask('HEAD', '/_ping');
    expect({ status, body }).toEqual({ status: 200, body: '' });
    expect(headers).toMatchObject({ 'api-version': '1.47', ostype: 'linux', 'docker-experimental': 'false' });
    expect((await engine.ask('GET', '/v1.30/_ping')).text).toBe('OK');
  });

  it.each([
    ['GET', '/v1.99/info', 400, /too new/],
    ['GET', '/nothing', 404, /page not found/],
    ['GET', '/images/x/json', 404, /^No such image: x$/],
    ['DELETE', '/images/x', 404, /^No such image: x$/],
    ['GET', '/images/Not+a+Name/json', 404, /No such image/],
    ['POST', '/images/create?fromImage=UPPER', 400, /invalid reference format/],
    ['GET', '/images/json?filters={', 400, /not JSON/],
    ['POST', '/build?version=2', 400, /BuildKit/],
    ['POST', '/session', 404, /page not found/],
  ])('answers %s %s with %i', async (method, url, status, message) => {
    const answer = await engine.ask(method, url);
    expect(answer).toMatchObject({ status, headers: { 'content-type': 'application/json' } });
    expect((JSON.parse(answer.text) as { message: string }).message).toMatch(message);
  });

  it('refuses what is too long, and what is no HTTP', async () => {
    const long = await engine.ask('POST', '/auth', Buffer.alloc(5_000_000, ' '));
    expect(long.status).toBe(413);
    const socket = engine.connect();
    socket.end('hello\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400/);
  });

  it('sends lines of JSON that end with CRLF', async () => {
    const answer = await engine.ask('POST', `/images/create?fromImage=${registry.address}/team/app&tag=1`);
    expect(answer.text).toMatch(/^(?:\{.*\}\r\n)+$/);
    expect(answer.headers['transfer-encoding']).toBe('chunked');
  });

  it('stops a build whose client goes away', async () => {
    // Such as no other run of the tests on this machine has.
    const command = `/bin/busybox sleep ${randomInt(100_000, 1e9)}`;
    const file = `FROM ${remote}\nRUN echo begun; ${command}\n`;
    const socket = engine.connect();
    socket.write(`POST /build HTTP/1.1\r\nHost: x\r\nContent-Length: ${file.length}\r\n\r\n${file}`);
    for await (const chunk of socket) if (String(chunk).includes('begun\\n')) break; // which closes it
    await expect.poll(() => isRunning(command), { timeout: 30_000 }).toBe(false);
  });
});

/** Whether some process of this machine was started so. */
async function isRunning(command: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(lines)).some((line) => line.split('\0').join(' ').trim() === command);
}

describe('berth engine, at its end', () => {
  it('ends what follows events, and leaves in order', async () => {
    await using other = await EngineProcess.start();
    const socket = other.connect();
    socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
    const [begin] = await once(socket, 'data');
    expect(String(begin)).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(await other.process.stop()).toBe(0);
    socket.destroy();
  });
});
