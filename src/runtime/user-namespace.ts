import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { readIfAny } from '../linux/index.js';
import { lastWords, RuntimeUnavailableError } from './errors.js';
import { requiredProgram, runProgram } from './programs.js';
import { type IDRange, subordinateRange, userName } from './subordinate-ids.js';

/** Waits for its ids to be mapped: only a program started after that is root. Then it becomes the program. */
const WAIT_THEN_EXEC = 'echo >&4; read -r _ <&4 && exec 4<&- && exec "$@"';

/**
 * Starts a program as root of a user namespace, with a mount namespace too: the caller's own id is its root, and the
 * ids that /etc/subuid and /etc/subgid give to the caller are all others. It has the caller's terminal and an IPC
 * channel for structured data.
 * @throws {RuntimeUnavailableError} with what would help.
 */
export function startInUserNamespace(command: readonly string[]): Promise<ChildProcess> {
  return start(command, {
    flags: [],
    stdio: { stdio: ['inherit', 'inherit', 'pipe', 'ipc', 'pipe'], serialization: 'advanced' },
    ids: 'as-many-as-there-are',
  });
}

/**
 * Starts a program as root of a user namespace, which goes on when the caller has ended. Mounts that the machine makes
 * later are seen in it. It has neither terminal nor streams.
 * @throws {RuntimeUnavailableError} with what would help, also when the caller has no ids but its own.
 */
export async function startLastingUserNamespace(command: readonly string[]): Promise<ChildProcess> {
  const child = await start(['sh', '-c', 'exec 2> /dev/null "$@"', 'sh', ...command], {
    flags: ['--propagation', 'slave'],
    stdio: { stdio: ['ignore', 'ignore', 'pipe', 'ignore', 'pipe'], detached: true, cwd: '/' },
    ids: 'many',
  });
  child.stderr?.destroy();
  child.unref();
  return child;
}

type Start = Readonly<{
  /** Of unshare(1). */
  flags: readonly string[];
  /** The fourth descriptor, a pipe, is where the program waits. */
  stdio: SpawnOptions;
  ids: 'many' | 'as-many-as-there-are';
}>;

async function start(command: readonly string[], { flags, stdio, ids }: Start): Promise<ChildProcess> {
  const unshare = requiredProgram('unshare', { package: 'util-linux', for: 'containers without root' });
  const ranges = subordinateRanges();
  if (ids === 'many' && ranges === undefined) throw new RuntimeUnavailableError(noRanges());
  const args = ['--user', '--mount', ...flags, '--', 'sh', '-c', WAIT_THEN_EXEC, 'sh', ...command];
  const child = spawn(unshare, args, stdio);
  const gate = child.stdio[4] as Duplex;
  try {
    await untilReady(child, gate);
    await mapIDs(child.pid ?? 0, ranges);
    await new Promise((resolve) => gate.write('\n', resolve));
    gate.destroy();
    return child;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

async function untilReady(child: ChildProcess, gate: Duplex): Promise<void> {
  let complaint = '';
  const listen = (chunk: Buffer) => {
    complaint += chunk;
  };
  child.stderr?.on('data', listen);
  gate.on('error', () => {}); // its end tells as much
  await new Promise<void>((resolve, reject) => {
    gate.once('data', () => resolve());
    child.once('error', (error) => reject(unavailable(error.message)));
    child.once('exit', () => reject(unavailable(lastWords(complaint) || 'unshare ended early')));
  });
  child.stderr?.off('data', listen);
}

type Ranges = Readonly<{ uids: IDRange; gids: IDRange }>;

function subordinateRanges(): Ranges | undefined {
  const uid = process.getuid?.() ?? 0;
  const [uids, gids] = [subordinateRange('/etc/subuid', uid), subordinateRange('/etc/subgid', uid)];
  return uids && gids && { uids, gids };
}

function noRanges(): string {
  const user = userName();
  return (
    `containers without root need ids of users and groups for their own: none are given to ${user}; an administrator ` +
    `can do so with usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}, with numbers that nobody ` +
    'else has in /etc/subuid'
  );
}

async function mapIDs(pid: number, ranges: Ranges | undefined): Promise<void> {
  const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (ranges === undefined) {
    mapOnlyOwn(pid, uid, gid);
    return;
  }
  await mapRange('newuidmap', pid, uid, ranges.uids);
  await mapRange('newgidmap', pid, gid, ranges.gids);
}

async function mapRange(program: string, pid: number, own: number, { first, count }: IDRange): Promise<void> {
  const path = requiredProgram(program, {
    package: 'uidmap (shadow-utils)',
    for: 'containers without root',
  });
  try {
    await runProgram([path, String(pid), '0', String(own), '1', '1', String(first), String(count)]);
  } catch (error) {
    throw unavailable(error instanceof Error ? error.message : String(error));
  }
}

/** Without ids of others everybody in the namespace is root; setgroups must be given up, user_namespaces(7). */
function mapOnlyOwn(pid: number, uid: number, gid: number): void {
  try {
    writeFileSync(`/proc/${pid}/setgroups`, 'deny');
    writeFileSync(`/proc/${pid}/gid_map`, `0 ${gid} 1`);
    writeFileSync(`/proc/${pid}/uid_map`, `0 ${uid} 1`);
  } catch (error) {
    throw unavailable(error instanceof Error ? error.message : String(error));
  }
}

function unavailable(reason: string): RuntimeUnavailableError {
  const hint = forbiddenBy();
  return new RuntimeUnavailableError(
    `containers without root need a user namespace, which cannot be made: ${reason}${hint === '' ? '' : `; ${hint}`}`,
  );
}

/** What this machine says about user namespaces, when that forbids them. */
export function forbiddenBy(read: (path: string) => string | undefined = readIfAny): string {
  const setting = (path: string) => read(path)?.trim();
  if (setting('/proc/sys/user/max_user_namespaces') === '0') {
    return 'this machine allows none: an administrator can raise them with sysctl user.max_user_namespaces=15000';
  }
  if (setting('/proc/sys/kernel/unprivileged_userns_clone') === '0') {
    return 'this machine allows them to root only: an administrator can change that with sysctl kernel.unprivileged_userns_clone=1';
  }
  if (setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return 'AppArmor forbids them here: an administrator can allow them with sysctl kernel.apparmor_restrict_unprivileged_userns=0';
  }
  if (existsSync('/.dockerenv') || existsSync('/run/.containerenv')) {
    return (
      'in a container they need --security-opt seccomp=unconfined --security-opt apparmor=unconfined ' +
      '--security-opt systempaths=unconfined, or --privileged'
    );
  }
  return '';
}
