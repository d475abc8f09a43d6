import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunOutcome, RunStep, StackLayer, StepRunner } from '../../src/layer/index.js';
import type { Digest } from '../../src/oci/index.js';
import { Containers } from '../../src/runtime/index.js';
import { run } from '../support/run.js';

const APPLETS =
  'sh ls cat echo id env true false sleep touch mkdir rm mv ln stat chmod chown mount ip head yes hostname ulimit df find test wc cp pwd kill mknod dd sync tty sort tail grep setsid nc rmdir'.split(
    ' ',
  );

/** Containers of whoever runs the tests, by BERTH_TEST_RUNTIME if that is set, with the worker run from the sources. */
export function openContainers(root: string): Containers {
  const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const hooks = ['--import', path('source-hooks.mjs')];
  const worker = [process.execPath, ...hooks, path('../../src/runtime/user-namespace-worker.ts')];
  const runtime = process.env.BERTH_TEST_RUNTIME;
  return new Containers({ root, worker, ...(runtime !== undefined && { runtime }) });
}

/** A base layer with Debian's static busybox, users and a few files to change, as a tar in `folder`. */
export async function busyboxLayer(folder: string): Promise<StackLayer> {
  const root = join(folder, 'busybox');
  for (const name of ['bin', 'etc', 'tmp', 'root', 'home', 'var/lib/things']) {
    await mkdir(join(root, name), { recursive: true });
  }
  await copyFile('/bin/busybox', join(root, 'bin/busybox'));
  for (const applet of APPLETS) await symlink('busybox', join(root, 'bin', applet));
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n',
  );
  await writeFile(join(root, 'etc/group'), 'root:x:0:\napp:x:1001:\nextra:x:2000:app\n');
  for (const name of ['a', 'b', 'c']) await writeFile(join(root, 'var/lib/things', name), name);
  return tarLayer(root, join(folder, 'busybox.tar'));
}

/** A directory as a layer, owned by root throughout. */
export async function tarLayer(root: string, path: string): Promise<StackLayer> {
  const asRoot = [
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--format=posix',
    '--mtime=@1000000000',
  ];
  const names = (
    await run(['find', '.', '-mindepth', '1', '-maxdepth', '1', '-printf', '%P\\n'], { cwd: root })
  ).trim();
  await run([
    'tar',
    '-C',
    root,
    ...asRoot,
    '--pax-option=delete=atime,delete=ctime',
    '-cf',
    path,
    '--',
    ...names.split('\n'),
  ]);
  return layerOf(path);
}

/** The layer that an uncompressed tar is. */
export async function layerOf(path: string): Promise<StackLayer> {
  const bytes = await readFile(path);
  const diffID = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
  return {
    diffID,
    async *open() {
      yield bytes;
    },
  };
}

/** A step on `stack` that runs `script` with sh; what it prints is gathered by {@link runStep}. */
export function stepOf(
  stack: readonly StackLayer[],
  script: string,
  changes: Partial<RunStep> = {},
): RunStep {
  return {
    name: 'test',
    stack,
    args: ['/bin/sh', '-c', script],
    env: ['PATH=/bin'],
    cwd: '/',
    user: '',
    network: 'none',
    security: 'sandbox',
    mounts: [],
    hostname: 'sandbox',
    addHosts: [],
    ulimits: [],
    keepFailed: false,
    onOutput: () => {},
    signal: new AbortController().signal,
    ...changes,
  };
}

export type Ran = Readonly<{ outcome: RunOutcome; stdout: string; stderr: string; names: string[] }>;

/** @returns the outcome, what was printed, and the names in the layer. */
export async function runStep(runner: StepRunner, step: RunStep): Promise<Ran> {
  const output = { stdout: '', stderr: '' };
  const outcome = await runner.run({
    ...step,
    onOutput: (stream, chunk) => {
      output[stream] += Buffer.from(chunk).toString();
    },
  });
  const names = outcome.layer
    ? (await run(['tar', '-tf', outcome.layer.path])).split('\n').filter(Boolean)
    : [];
  return { outcome, ...output, names };
}
