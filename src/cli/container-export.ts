import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { openContainerHost } from './container-host.js';
import { UsageError } from './failure.js';
import type { StoreFlags } from './image-store.js';
import { Interruption } from './interruption.js';

export type ContainerExportFlags = StoreFlags & Readonly<{ output?: string }>;

/** `berth container export`: the root filesystem of a container as one tar. */
export async function exportContainer(
  name: string,
  { output, ...flags }: ContainerExportFlags,
): Promise<void> {
  const path = output === '-' ? undefined : output;
  if (path === undefined) expectNoTerminal();
  using interruption = new Interruption();
  const { signal } = interruption;
  using opened = await openContainerHost(flags);
  await opened.host.files.export(
    name,
    (tar) => (path === undefined ? intoOutput(tar, signal) : intoFile(tar, path, signal)),
    { signal },
  );
}

const LETTERS = { added: 'A', changed: 'C', deleted: 'D' } as const;

/** `berth diff`. */
export async function showChanges(name: string, flags: StoreFlags): Promise<void> {
  using interruption = new Interruption();
  using opened = await openContainerHost(flags);
  const changes = await opened.host.files.changes(name, { signal: interruption.signal });
  const lines = changes.map(({ kind, path }) => `${LETTERS[kind]} ${path}\n`);
  process.stdout.write(Buffer.from(lines.join('')));
}

/** @throws {UsageError} */
export function expectNoTerminal(): void {
  if (process.stdout.isTTY)
    throw new UsageError('a tar is not for a terminal: use -o FILE, or redirect the output');
}

/** Standard output stays open: a reader that goes away early must not look like success. */
export async function intoOutput(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  await pipeline(tar, process.stdout, { signal, end: false });
}

/** The file appears when it is whole. */
async function intoFile(tar: AsyncIterable<Uint8Array>, path: string, signal: AbortSignal): Promise<void> {
  const partial = `${path}.partial-${process.pid}`;
  try {
    await pipeline(tar, createWriteStream(partial, { flags: 'wx', mode: 0o600 }), { signal });
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
