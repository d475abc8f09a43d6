import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { measure, type Sample } from '../measure.ts';
import { BASE } from './contexts.ts';

export type BuildOptions = Readonly<{ context: string; tag: string; network?: 'none' }>;

/** A program that builds images, with a store of its own. */
export interface Builder {
  readonly name: string;
  readonly version: string;
  /** Gives it the base that every Dockerfile begins with. */
  loadBase(rootfsTar: string): Promise<void>;
  build(options: BuildOptions): Promise<Sample>;
  push(tag: string): Promise<Sample>;
  stop(): Promise<void>;
}

const BERTH = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'berth');

/** Debian's client speaks to BuildKit by itself; clients from elsewhere want the buildx plugin for it. */
const DOCKER = '/usr/bin/docker';

/** Debian's runc wants to be told where cgroup v1 is used, and root without CAP_SYS_RESOURCE cannot raise limits. */
const BUILDAH_RUN = [
  '--isolation=oci',
  '--runtime=/usr/sbin/runc',
  '--ulimit=nofile=1024:1024',
  '--ulimit=nproc=1024:1024',
];

export function berth(folder: string): Builder {
  const env = { ...process.env, BERTH_ROOT: path.join(folder, 'berth') };
  const run = (...args: string[]) => measure({ argv: [BERTH, ...args], env });
  return {
    name: 'Berth',
    version: versionOf(BERTH, '--version'),
    loadBase: async (tar) => void (await run('import', tar, BASE)),
    build: ({ context, tag, network }) => run('build', '-q', ...networkFlags(network), '-t', tag, context),
    push: (tag) => run('push', '-q', tag),
    stop: async () => {},
  };
}

export function buildah(folder: string): Builder {
  const store = ['--root', path.join(folder, 'buildah'), '--runroot', path.join(folder, 'buildah-run')];
  const env = { ...process.env, TMPDIR: folder };
  const run = (...args: string[]) => measure({ argv: ['buildah', ...store, ...args], env });
  return {
    name: 'buildah',
    version: versionOf('buildah', '--version'),
    loadBase: async (tar) => {
      const working = execFileSync('buildah', [...store, 'from', 'scratch'], { encoding: 'utf8' }).trim();
      await run('add', working, tar, '/');
      await run('commit', working, BASE);
      await run('rm', working);
    },
    build: ({ context, tag, network }) =>
      run('bud', '--layers', '-q', ...BUILDAH_RUN, ...networkFlags(network), '-t', tag, context),
    push: (tag) => run('push', '-q', '--tls-verify=false', tag, `docker://${tag}`),
    stop: async () => {
      execFileSync('buildah', [...store, 'rm', '--all']);
    },
  };
}

/** Both of docker's builders on one daemon, in the network namespace that this process runs in. */
export async function docker(folder: string): Promise<readonly [classic: Builder, buildKit: Builder]> {
  const daemon = await startDockerd(path.join(folder, 'docker'));
  const builder = (name: string, buildKit: '0' | '1'): Builder => {
    const env = {
      ...process.env,
      DOCKER_HOST: daemon.host,
      DOCKER_BUILDKIT: buildKit,
      DOCKER_CONFIG: folder,
    };
    const run = (...args: string[]) => measure({ argv: [DOCKER, ...args], env, daemon: daemon.pid });
    return {
      name,
      version: versionOf('dockerd', '--version'),
      loadBase: async (tar) => void (await run('import', tar, BASE)),
      build: ({ context, tag, network }) => run('build', '-q', ...networkFlags(network), '-t', tag, context),
      push: (tag) => run('push', '-q', tag),
      stop: daemon.stop,
    };
  };
  return [builder('docker (classic)', '0'), builder('docker (BuildKit)', '1')];
}

async function startDockerd(folder: string) {
  mkdirSync(folder, { recursive: true });
  const host = `unix://${folder}/docker.sock`;
  const places = [`--data-root=${folder}/data`, `--exec-root=${folder}/exec`, `--pidfile=${folder}/pid`];
  const child = spawn('dockerd', [`--host=${host}`, ...places, '--ip6tables=false'], { stdio: 'ignore' });
  await answers(host, child);
  const { pid } = child;
  if (pid === undefined) throw new Error('dockerd has no process id');
  return { host, pid, stop: () => stopped(child) };
}

async function answers(host: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 150; tries += 1) {
    if (child.exitCode !== null) break;
    try {
      execFileSync('docker', ['--host', host, 'version'], { stdio: 'ignore' });
      return;
    } catch {
      await sleep(200);
    }
  }
  throw new Error('dockerd does not start: this benchmark needs root and a network namespace of its own');
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.killed) return;
  child.kill('SIGTERM');
  await once(child, 'close');
}

function networkFlags(network: 'none' | undefined): string[] {
  return network === undefined ? [] : [`--network=${network}`];
}

function versionOf(command: string, flag: string): string {
  return execFileSync(command, [flag], { encoding: 'utf8' }).trim();
}
