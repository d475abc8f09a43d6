import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CuttingProxy } from '../client/cutting-proxy.js';
import { FakeRegistry, fail } from '../client/fake-registry.js';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { randomLayer } from '../support/layers.js';
import { cleanEnvironment, run } from '../support/run.js';
import { header } from '../support/tar.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

let folder: TemporaryFolder;
let registry: FakeRegistry;
/** What the registry never answers. */
let stalled = /^$/;
let isStalled = false;

beforeAll(async () => {
  folder = await temporaryFolder('interrupted');
  registry = await FakeRegistry.start();
  await mkdir(at('context'));
  await writeFile(at('context/Dockerfile'), `FROM ${registry.address}/team/app:1\nCOPY Dockerfile /\n`);
  await writeFile(at('context/own.Dockerfile'), 'FROM here:1\nCOPY Dockerfile /\n');
  await run([BERTH, 'import', '-', 'here:1'], { env: env(), input: await randomLayer(4_000_000) });
  await run([BERTH, 'push', 'here:1', `${registry.address}/team/app:1`], { env: env() });
  registry.intercept = ({ method, url }, response) => {
    // Blobs are in all repositories of this registry; they are to be sent.
    if (/uploads/.test(stalled.source) && method === 'HEAD' && url?.includes('/blobs/')) {
      fail(response, 404, 'BLOB_UNKNOWN');
      return true;
    }
    const isMeant = stalled.test(`${method} ${url}`);
    isStalled ||= isMeant;
    return isMeant;
  };
});

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

const at = (name: string) => join(folder.path, name);
const env = (root = 'root') => cleanEnvironment({ HOME: folder.path, BERTH_ROOT: at(root) });

/** Not a file too many: neither half-made ones, nor images. */
function leftIn(root: string): string[] {
  const content = join(at(root), 'content');
  const partial = (existsSync(content) ? readdirSync(content) : []).filter((name) =>
    name.includes('partial'),
  );
  const temporary = join(at(root), 'tmp');
  return [...partial, ...(existsSync(temporary) ? readdirSync(temporary) : [])];
}

async function untilStalled(child: ChildProcess): Promise<void> {
  while (!isStalled && child.exitCode === null) await sleep(10);
  await sleep(100); // for the answer's first bytes, where there are any
}

const BLOBS = /^GET .*blobs/;
const UPLOADS = /^P(ATCH|UT) .*uploads/;
const ALL = /./;

/** By turns, as both take the same way. */
const SIGNALS = [
  { signal: 'SIGINT', code: 130 },
  { signal: 'SIGTERM', code: 143 },
] as const;
let turn = 0;

describe('a signal', () => {
  const next = () => SIGNALS[turn++ % 2] ?? SIGNALS[0];

  it.each([
    { args: ['pull', 'R/team/app:1'], root: 'empty', at: BLOBS },
    { args: ['pull', 'R/team/app:1'], root: 'empty', at: /manifests/ },
    { args: ['pull', 'R/team/app:1'], root: 'empty', at: ALL },
    { args: ['push', 'here:1', 'R/team/other:1'], at: UPLOADS },
    { args: ['copy', 'docker://R/team/app:1', 'docker://R/team/third:1'], at: /^POST .*uploads/ },
    { args: ['copy', 'docker://R/team/app:1', 'oci-archive:F/made.tar'], at: BLOBS },
    { args: ['copy', 'docker://R/team/app:1', 'docker-archive:F/made.tar'], at: BLOBS },
    { args: ['copy', 'docker://R/team/app:1', 'here:2'], root: 'empty', at: BLOBS },
    { args: ['build', '-q', 'F/context'], root: 'empty', at: BLOBS },
    {
      args: ['build', '-q', '-f', 'F/context/own.Dockerfile', '-t', 'R/team/b:1', '--push', 'F/context'],
      at: UPLOADS,
    },
    { args: ['ls', 'R/team/app'], at: ALL },
    { args: ['catalog', 'R'], at: ALL },
    { args: ['digest', 'R/team/app:1'], at: ALL },
    { args: ['manifest', 'get', 'R/team/app:1'], at: ALL },
    { args: ['delete', 'R/team/app:1'], at: ALL },
  ])('ends berth $args while $at waits', async ({ args, root = 'root', at: pattern }) => {
    const { signal, code } = next();
    [stalled, isStalled] = [pattern, false];
    const given = args.map((arg) => arg.replace(/^(docker:\/\/)?R\b/, `$1${registry.address}`));
    const child = spawn(
      BERTH,
      given.map((arg) => arg.replace(/(^|:)F\//, `$1${folder.path}/`)),
      { env: env(root), stdio: 'ignore' },
    );
    const ended = once(child, 'exit');
    await untilStalled(child);
    child.kill(signal);
    expect(await ended).toEqual([code, null]);
    expect(leftIn(root)).toEqual([]);
    expect(readdirSync(folder.path).filter((name) => name.includes('made'))).toEqual([]);
    expect(registry.uploads.size).toBe(0);
    if (root === 'empty') expect(await run([BERTH, 'images', '-aq'], { env: env(root) })).toBe('');
  });

  // docker-registry cancels no upload that has bytes of an unfinished request: its state is not that of the URL.
  it('leaves no upload in Berth, whatever came', async () => {
    const root = at('data');
    await using server = await BerthProcess.start({ root });
    await using proxy = await CuttingProxy.start(Number(new URL(server.url).port), { stalls: true });
    proxy.cuts.push(1_000_000);
    const child = spawn(BERTH, ['push', 'here:1', `127.0.0.1:${proxy.port}/team/app:1`], {
      env: env(),
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    while (proxy.stalled === 0 && child.exitCode === null) await sleep(10);
    const uploads = join(root, 'docker/registry/v2/repositories/team/app/_uploads');
    expect(readdirSync(uploads)).not.toEqual([]);
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(existsSync(uploads) ? readdirSync(uploads) : []).toEqual([]);
  });

  it.each([
    { args: ['load'] },
    { args: ['import', '-', 'x:1'] },
    { args: ['save', 'here:1'] },
    { args: ['export', 'here:1'] },
    { args: ['build', '-q', '-'] },
    { args: ['build', '-q', '-o', 'type=oci,dest=-', '-f', 'F/context/own.Dockerfile', 'F/context'] },
    { args: ['build', '-q', '-o', '-', '-f', 'F/context/own.Dockerfile', 'F/context'] },
  ])('ends berth $args while nobody reads or writes on the other side', async ({ args }) => {
    const { signal, code } = next();
    const given = args.map((arg) => arg.replace(/^F/, folder.path));
    const child = spawn(BERTH, given, { env: env(), stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => {});
    const ended = once(child, 'exit');
    // Until it has taken more than a pipe holds of an archive without an end, or has given something.
    const archive = Buffer.concat([header('large', 1e9), Buffer.alloc(300_000)]);
    const isTaken = new Promise((resolve) => child.stdin.write(archive, resolve));
    await Promise.race([isTaken, once(child.stdout, 'readable'), ended]);
    await sleep(200);
    child.kill(signal);
    expect(await ended).toEqual([code, null]);
    expect(leftIn('root')).toEqual([]);
  });
});
