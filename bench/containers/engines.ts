import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that runs containers, with a store of its own. All of them take docker's commands. */
export interface Engine {
  readonly name: string;
  readonly version: string;
  /** The command line of one of its commands. */
  command(args: readonly string[]): Readonly<{ argv: readonly string[]; env: NodeJS.ProcessEnv }>;
  /** Memory of all that lives on between commands, but for the containers' own processes. */
  heldBytes(): number;
  stop(): Promise<void>;
}

const BERTH = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'berth');
/** Processes that watch over containers, whoever started them. */
const WATCHERS = new Set(['conmon', 'containerd-shim']);

/** Each command by itself, without a service. */
export function berth(folder: string): Engine {
  const env = { ...process.env, BERTH_ROOT: path.join(folder, 'berth') };
  return {
    name: 'Berth',
    version: versionOf(BERTH),
    command: (args) => ({ argv: [BERTH, ...args], env }),
    heldBytes: watchersOf,
    stop: async () => {},
  };
}

/** docker's client, which calls `berth engine`. */
export async function berthEngine(folder: string): Promise<Engine> {
  const root = path.join(folder, 'berth-engine');
  return behindDocker('docker → Berth', versionOf(BERTH), root, (host) => ({
    argv: [BERTH, 'engine', '-H', host],
    env: { ...process.env, BERTH_ROOT: path.join(root, 'root') },
  }));
}

/** docker's client and daemon. */
export async function docker(folder: string): Promise<Engine> {
  const root = path.join(folder, 'docker');
  return behindDocker('docker', versionOf('dockerd'), root, (host) => ({
    argv: [
      'dockerd',
      `--host=${host}`,
      `--data-root=${root}/data`,
      `--exec-root=${root}/exec`,
      `--pidfile=${root}/pid`,
      '--ip6tables=false',
    ],
    env: process.env,
  }));
}

/** podman with runc: Debian's crun does not work on hybrid cgroups. */
export function podman(folder: string): Engine {
  const root = path.join(folder, 'podman');
  const state = mkdtempSync('/run/berth-bench-'); // it wants a short name
  const places = [`--root=${root}`, `--runroot=${state}/run`, `--tmpdir=${state}/tmp`];
  const options = ['--runtime=/usr/sbin/runc', '--cgroup-manager=cgroupfs', '--events-backend=file'];
  return {
    name: 'podman',
    version: versionOf('podman'),
    command: ([verb = '', ...args]) => ({
      argv: ['podman', ...places, ...options, verb, ...podmanFlags(verb), ...args],
      env: process.env,
    }),
    heldBytes: watchersOf,
    stop: async () => rmSync(state, { recursive: true, force: true }),
  };
}

/** Root without CAP_SYS_RESOURCE cannot have the limits that podman wants to set. */
function podmanFlags(verb: string): string[] {
  if (verb !== 'run' && verb !== 'create') return [];
  return ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024', '--pull=never'];
}

async function behindDocker(
  name: string,
  version: string,
  folder: string,
  daemonOf: (host: string) => ReturnType<Engine['command']>,
): Promise<Engine> {
  mkdirSync(folder, { recursive: true });
  const host = `unix://${folder}/docker.sock`;
  const { argv, env } = daemonOf(host);
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: 'ignore', env });
  await untilAnswers(host, child);
  const own = { ...process.env, DOCKER_HOST: host, DOCKER_CONFIG: folder };
  return {
    name,
    version,
    command: (command) => ({ argv: ['docker', ...command], env: own }),
    heldBytes: () => familyBytes(child.pid ?? 0) + watchersOf(),
    stop: () => stopped(child),
  };
}

async function untilAnswers(host: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300 && child.exitCode === null; tries += 1) {
    try {
      execFileSync('docker', ['--host', host, 'version'], { stdio: 'ignore' });
      return;
    } catch {
      await sleep(200);
    }
  }
  throw new Error(`${child.spawnfile} does not start: this needs root and a network namespace of its own`);
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'close');
}

/** The machine runs nothing else, so all of them are those of the engine that has containers just then. */
function watchersOf(): number {
  return allPids()
    .filter((pid) => WATCHERS.has(textOf(`/proc/${pid}/comm`).trim()))
    .reduce((sum, pid) => sum + proportionalBytes(pid), 0);
}

/** A daemon and what it has started. */
function familyBytes(parent: number): number {
  const children = allPids().filter((pid) => parentOf(pid) === parent);
  return children.reduce((sum, pid) => sum + familyBytes(pid), proportionalBytes(parent));
}

function allPids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

/** What is shared with others counts in part. proc(5), /proc/pid/smaps. */
function proportionalBytes(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? 0);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has just ended
  }
}

function versionOf(command: string): string {
  return execFileSync(command, ['--version'], { encoding: 'utf8' }).trim();
}
