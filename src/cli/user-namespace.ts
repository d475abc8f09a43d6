import { lstatSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { type StoreFlags, storeRoot } from './image-store.js';

/** Has the id of the user whose namespace a process is root of. Root of the machine has no such variable. */
const OF_USER = '_BERTH_USER';
/** Goes back to where it was: who enters other mounts is put at their top. */
const THERE = 'cd -- "$0" 2> /dev/null; exec "$@"';

/** Whether what is root's on this machine is for this process; else it is for one user, whom it may be root for. */
export function isForMachine(env: NodeJS.ProcessEnv = process.env): boolean {
  return process.getuid?.() === 0 && env[OF_USER] === undefined;
}

/**
 * For root this does nothing. An ordinary user's process becomes the same command again, as root of the user namespace
 * that the containers of this user are in, and only there it returns. To be called before anything is asked, made or said.
 * @param descriptors that are to be open there too.
 * @throws {RuntimeUnavailableError} with what would help.
 */
export async function enterUserNamespace(
  flags: StoreFlags,
  descriptors: readonly number[] = [],
): Promise<void> {
  if (isForMachine()) return;
  const [{ enterKeptNamespaces }, { runtimeDirectory }, { enterUserCgroup }] = await Promise.all([
    import('../runtime/kept-namespaces.js'),
    import('../runtime/runtime-directory.js'),
    import('../runtime/user-cgroups.js'),
  ]);
  const [root, run] = [storeRoot(flags), runDirectory()];
  await enterUserCgroup(run, userOutside());
  const prefix = await enterKeptNamespaces(runtimeDirectory(root, run));
  const [program] = prefix;
  if (program === undefined) return;
  if (process.execve === undefined)
    throw new Error(
      `containers without root need Node 24, and this is ${process.version}: leave out NODE_BIN`,
    );
  const command = [
    ...prefix,
    '/bin/sh',
    '-c',
    THERE,
    process.cwd(),
    ...ownCommand(),
    ...process.argv.slice(2),
  ];
  if (descriptors.length > 0) {
    const { keepOpen } = await import('../linux/index.js');
    for (const fd of descriptors) keepOpen(fd);
  }
  process.execve(program, command, {
    ...process.env,
    [OF_USER]: userOutside(),
    // Root would look for these elsewhere.
    BERTH_ROOT: root,
    HOME: homedir(),
    XDG_RUNTIME_DIR: run,
  });
}

/** This program, as it was started, for whoever is to start it from the same namespaces. */
function ownCommand(): string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
}

/** As {@link ownCommand}, for those who do not hand on its environment. */
export function ownCommandAnywhere(): string[] {
  if (isForMachine()) return ownCommand();
  return ['/usr/bin/env', `${OF_USER}=${userOutside()}`, ...ownCommand()];
}

/** Where what ends with the machine's boot, or the user's session, is. @throws {Error} there is no safe place. */
export function runDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (isForMachine(env)) return '/run';
  if (env.XDG_RUNTIME_DIR) return env.XDG_RUNTIME_DIR;
  const usual = `/run/user/${userOutside(env)}`;
  if (isOwn(usual)) return usual;
  const made = `/tmp/berth-${userOutside(env)}`;
  if (lstatSync(made, { throwIfNoEntry: false }) === undefined)
    mkdirSync(made, { recursive: true, mode: 0o700 });
  if (isOwn(made)) return made;
  throw new Error(
    `cannot use ${made}, which is no directory that is yours alone: set XDG_RUNTIME_DIR to one of your own`,
  );
}

function isOwn(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  return stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0;
}

function userOutside(env: NodeJS.ProcessEnv = process.env): string {
  return env[OF_USER] ?? String(process.getuid?.());
}
