import type { ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import {
  ContainerStartError,
  DEFAULT_DETACH_KEYS,
  type ExecOptions,
  execInContainer,
} from '../runtime/container/index.js';
import { variablesOf } from './container-body.js';
import { openContainerHost } from './container-host.js';
import { detachKeysOf, expectTerminal } from './container-session.js';
import type { StoreFlags } from './image-store.js';
import { rawTerminal } from './raw-terminal.js';

export type ExecFlags = StoreFlags &
  Readonly<{
    detach?: boolean;
    interactive?: boolean;
    tty?: boolean;
    detachKeys?: string;
    env: readonly string[];
    envFile: readonly string[];
    user?: string;
    workdir?: string;
    privileged?: boolean;
  }>;

/** Of a terminal that nobody looks at; docker has none then, and programs guess. */
const UNSEEN = { rows: 0, columns: 0 };

/** `berth exec`. @returns the exit code; 0 for one that nobody waits for, or any more. */
export async function execCommand(name: string, args: readonly string[], flags: ExecFlags): Promise<number> {
  expectTerminal(flags);
  using opened = await openContainerHost(flags);
  using _ = flags.tty && flags.interactive && !flags.detach ? rawTerminal() : undefined;
  const ended = execInContainer(opened.host, name, {
    args,
    env: variablesOf(flags),
    user: flags.user ?? '',
    cwd: flags.workdir ?? '',
    privileged: flags.privileged === true,
    detachKeys: detachKeysOf(flags.detachKeys ?? DEFAULT_DETACH_KEYS),
    ...streamsFor(flags),
  });
  try {
    return (await ended) ?? 0;
  } catch (error) {
    if (flags.detach || !(error instanceof ContainerStartError) || !error.isSaid) throw error;
    return error.exitCode;
  }
}

function streamsFor({
  detach,
  interactive,
  tty,
}: ExecFlags): Pick<ExecOptions, 'terminal' | 'stdio' | 'detached' | 'onSpawned'> {
  if (detach) return { detached: true, stdio: 'ignore' };
  const streams = [interactive ? 'inherit' : 'ignore', 'inherit', 'inherit'] as const;
  if (!tty) return { stdio: [...streams] };
  return { terminal: sizeHere(), stdio: [...streams, 'pipe'], onSpawned: tellSizes };
}

function sizeHere() {
  const { isTTY, rows, columns } = process.stdout;
  return isTTY ? { rows, columns } : UNSEEN;
}

/** For as long as it runs, its terminal has the size of this one. */
function tellSizes({ stdio }: ChildProcess): void {
  const sizes = stdio[3] as Writable;
  sizes.on('error', () => {}); // it has ended
  if (!process.stdout.isTTY) return;
  const tell = () => {
    const { rows, columns } = sizeHere();
    sizes.write(`${rows} ${columns}\n`);
  };
  process.stdout.on('resize', tell);
  tell(); // it may have changed since it was asked for
}
