import { spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { flock, isRunning, processIdentity } from '../linux/index.js';
import { RuntimeUnavailableError } from './errors.js';
import { requiredProgram } from './programs.js';
import { startLastingUserNamespace } from './user-namespace.js';

/** A process that does nothing but keep namespaces, and what those are called in /proc/pid/ns. */
type Keeper = Readonly<{ identity: string; user: string; mount: string }>;

type Kind = 'user' | 'mount';

const LINKS: Readonly<Record<Kind, string>> = { user: 'user', mount: 'mnt' };
/** It is the longest that every sleep(1) knows: 68 years. */
const SLEEP = ['sleep', '2147483647'];

/**
 * The user namespace in which an ordinary user is root, and its mount namespace: one pair for all containers of a directory,
 * so that they see each other, and every command can reach all of them. They are kept by a small process until somebody
 * ends it; then they are found again by what still runs in them, or made anew.
 * @param directory of this user and boot; made if need be.
 * @returns what to put before a command, so that it runs in them; nothing when this process does.
 * @throws {RuntimeUnavailableError} with what would help.
 */
export async function enterKeptNamespaces(directory: string): Promise<readonly string[]> {
  const file = join(directory, 'keeper.json');
  const known = readKeeper(file);
  if (known !== undefined && isThere(known)) return commandFor(known);
  // Who is inside goes on there: only from outside can a keeper be made of the machine's own mounts.
  if (known?.user === linkOf('self', 'user')) return [];
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = openSync(join(directory, 'keeper.lock'), 'a', 0o600);
  try {
    await flock(lock, 'exclusive');
    const last = readKeeper(file); // somebody may have been quicker
    if (last !== undefined && isThere(last)) return commandFor(last);
    const keeper = await makeKeeper(last);
    writeFileSync(`${file}.new`, JSON.stringify(keeper), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return commandFor(keeper);
  } finally {
    closeSync(lock);
  }
}

function commandFor(keeper: Keeper): string[] {
  const missing = (['user', 'mount'] as const).filter((kind) => linkOf('self', kind) !== keeper[kind]);
  return missing.length === 0 ? [] : nsenter(pidOf(keeper), missing);
}

async function makeKeeper(last: Keeper | undefined): Promise<Keeper> {
  const found = last && (await rejoined(last));
  if (found) return found;
  const child = await startLastingUserNamespace(SLEEP);
  return keeperOf(child.pid ?? 0);
}

/** Another keeper for namespaces that something still runs in; nothing when they are gone. */
async function rejoined({ user, mount }: Keeper): Promise<Keeper | undefined> {
  // What has ended and was not waited for has its user namespace still, but no mounts.
  const members = readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && linkOf(pid, 'user') === user && linkOf(pid, 'mount') !== undefined,
  );
  const whole = members.find((pid) => linkOf(pid, 'mount') === mount);
  if (whole !== undefined) {
    const pid = await startLasting(nsenter(whole, ['user', 'mount']));
    if (pid !== undefined) return keeperOf(pid);
  }
  // Never the mounts of others: what lies in a container is its image's.
  const own = [required('unshare'), '--mount', '--propagation', 'slave', '--'];
  for (const member of members) {
    const pid = await startLasting([...nsenter(member, ['user']), ...own]);
    if (pid !== undefined) return keeperOf(pid);
  }
  return undefined;
}

/** @param prefix what is put before a command so that it runs somewhere. @returns its process; nothing if it is too late. */
async function startLasting(prefix: readonly string[]): Promise<number | undefined> {
  const [program = '', ...args] = [...prefix, 'sh', '-c', 'echo && exec > /dev/null "$@"', 'sh', ...SLEEP];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true, cwd: '/' });
  const isInside = await new Promise<boolean>((resolve) => {
    child.stdout?.once('data', () => resolve(true));
    child.once('error', () => resolve(false));
    child.once('exit', () => resolve(false));
  });
  child.stdout?.destroy();
  child.unref();
  return isInside ? child.pid : undefined;
}

function keeperOf(pid: number): Keeper {
  const [user, mount] = [linkOf(String(pid), 'user'), linkOf(String(pid), 'mount')];
  if (user === undefined || mount === undefined)
    throw new RuntimeUnavailableError('the process that keeps the namespaces of containers ended at once');
  return { identity: processIdentity(pid), user, mount };
}

function isThere(keeper: Keeper): boolean {
  return isRunning(keeper.identity) === true && linkOf(pidOf(keeper), 'user') === keeper.user;
}

function pidOf({ identity }: Keeper): string {
  return identity.split('-', 1)[0] ?? '';
}

/** Such as `user:[4026531837]`: two processes are in the same namespace if they have the same. namespaces(7). */
function linkOf(pid: string, kind: Kind): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${LINKS[kind]}`);
  } catch {
    return undefined; // it has ended, or is somebody else's
  }
}

function nsenter(pid: string, kinds: readonly Kind[]): string[] {
  const flags = kinds.map((kind) => `--${kind}=/proc/${pid}/ns/${LINKS[kind]}`);
  return [required('nsenter'), ...flags, '--'];
}

function readKeeper(file: string): Keeper | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Keeper;
  } catch {
    return undefined;
  }
}

/** @throws {RuntimeUnavailableError} */
function required(name: 'nsenter' | 'unshare'): string {
  return requiredProgram(name, { package: 'util-linux', for: 'containers without root' });
}
