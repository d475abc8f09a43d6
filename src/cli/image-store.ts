import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { LocalStore } from '../image/index.js';

/** Where images of this machine are, as given on the command line. */
export type StoreFlags = Readonly<{ root?: string }>;

/** The flag of every command that uses the images of this machine. */
export function addStoreOptions(command: Command): Command {
  return command.option('--root <dir>', 'images of this machine are here; else in $BERTH_ROOT');
}

/** `--root`, `$BERTH_ROOT`, or what is usual for the user. */
export function storeRoot({ root }: StoreFlags, env: NodeJS.ProcessEnv = process.env): string {
  const given = root || env.BERTH_ROOT;
  if (given) return resolve(given);
  if (process.getuid?.() === 0) return '/var/lib/berth';
  return join(env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share'), 'berth');
}

/** The images of this machine. Close it at the end. */
export async function openLocalStore(flags: StoreFlags): Promise<LocalStore> {
  const { LocalStore } = await import('../image/index.js');
  const root = storeRoot(flags);
  try {
    return LocalStore.open(root);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
    throw new Error(
      `cannot keep images in ${root}: ${(error as Error).message}; choose another place with --root`,
      {
        cause: error,
      },
    );
  }
}
