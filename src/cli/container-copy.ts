import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { applyLayer, type Entry, tarStream } from '../layer/index.js';
import type { FileStat, OpenFiles } from '../runtime/container/index.js';
import { expectNoTerminal, intoOutput } from './container-export.js';
import { openContainerHost } from './container-host.js';
import { type CopyPlace, copiedName, copyTarget, splitCopyArgument } from './copy-target.js';
import { UsageError } from './failure.js';
import type { StoreFlags } from './image-store.js';
import { humanSize } from './image-units.js';
import { Interruption } from './interruption.js';
import { standardInput } from './standard-input.js';

export type CopyFlags = StoreFlags & Readonly<{ archive?: boolean; followLink?: boolean; quiet?: boolean }>;
type Copy = Readonly<{ flags: CopyFlags; signal: AbortSignal }>;

/** `berth cp`. */
export async function copyFiles(from: string, to: string, flags: CopyFlags): Promise<void> {
  const [source, destination] = [splitCopyArgument(from), splitCopyArgument(to)];
  using interruption = new Interruption();
  const copy = { flags, signal: interruption.signal };
  if (source.container !== undefined && destination.container !== undefined)
    throw new UsageError('copying between containers is not supported');
  if (source.container !== undefined) return copyOut(source.container, source.path, destination.path, copy);
  if (destination.container !== undefined)
    return copyIn(source.path, destination.container, destination.path, copy);
  throw new UsageError('must specify at least one container source: CONTAINER:PATH (images: berth copy)');
}

async function copyOut(container: string, path: string, to: string, copy: Copy): Promise<void> {
  const { flags, signal } = copy;
  if (path === '') throw new UsageError('the path in the container is missing: CONTAINER:PATH');
  if (to === '-') expectNoTerminal();
  const place = to === '-' ? undefined : localPlace(to);
  using opened = await openContainerHost(flags);
  const work = async (files: OpenFiles) => {
    const { stat, path: found } = await statOf(files, path, flags.followLink === true);
    const name = copiedName(path);
    if (place === undefined) {
      const request = { path: found, name: name === '' ? '.' : name };
      return files.read(request, (tar) => intoOutput(tar, signal));
    }
    const target = copyTarget({ isDirectory: isDirectory(stat), name }, place);
    const size = new Counter();
    await files.read({ path: found, name: target.name }, (tar) =>
      unpack(size.counting(tar), target.directory, copy),
    );
    report(flags, size, resolve(to));
  };
  await opened.host.files.open(container, work, { signal });
}

async function copyIn(from: string, container: string, path: string, copy: Copy): Promise<void> {
  const { flags, signal } = copy;
  if (path === '') throw new UsageError('the path in the container is missing: CONTAINER:PATH');
  const local = from === '-' ? undefined : localSource(from, flags.followLink === true);
  using opened = await openContainerHost(flags);
  const work = async (files: OpenFiles) => {
    const place = await placeIn(files, path);
    if (place === 'special')
      throw new Error(`destination "${container}:${path}" must be a directory or a regular file`);
    if (local === undefined && place.kind !== 'directory')
      throw new Error(`destination "${container}:${path}" must be a directory`);
    const target = local === undefined ? { directory: place.path, name: '' } : copyTarget(local, place);
    const tar = local === undefined ? standardInput(signal) : tarStream(local.file, target.name);
    const size = new Counter();
    const options = { path: target.directory, keepsKinds: true, asUser: flags.archive === true };
    await files.write(size.counting(tar), options);
    report(flags, size, `${container}:${place.path}`);
  };
  await opened.host.files.open(container, work, { signal });
}

/** Of a file in a container, or of what it leads to. @throws {ContainerFileNotFoundError} */
async function statOf(
  files: OpenFiles,
  path: string,
  follows: boolean,
): Promise<Readonly<{ stat: FileStat; path: string }>> {
  const stat = await files.find(path);
  if (!follows || stat.linkTarget === '') return { stat, path };
  return { stat: await files.find(stat.linkTarget), path: stat.linkTarget };
}

const TYPE_BITS = 0o170000;
const DIRECTORY = 0o040000;
const FILE = 0o100000;

function isDirectory({ mode }: FileStat): boolean {
  return (mode & TYPE_BITS) === DIRECTORY;
}

async function placeIn(files: OpenFiles, path: string): Promise<CopyPlace | 'special'> {
  const written = resolvedWithEnding('/', path);
  const first = await files.stat(written);
  const target = first?.linkTarget || written;
  const stat = target === written ? first : await files.stat(target);
  if (stat === undefined) return { path: target, kind: 'absent' };
  if (isDirectory(stat)) return { path: target, kind: 'directory' };
  return (stat.mode & TYPE_BITS) === FILE ? { path: target, kind: 'file' } : 'special';
}

/** @throws {Error} the directory that it is to be in is not there. */
function localPlace(path: string): CopyPlace {
  const written = followed(resolvedWithEnding(process.cwd(), path));
  const stats = statIfAny(written);
  if (stats !== undefined) return { path: written, kind: stats.isDirectory() ? 'directory' : 'file' };
  const parent = dirname(written);
  if (statIfAny(parent)?.isDirectory() !== true)
    throw new Error(`invalid output path: directory ${JSON.stringify(parent)} does not exist`);
  return { path: written, kind: 'absent' };
}

type LocalSource = Readonly<{ file: string; isDirectory: boolean; name: string }>;

/** @throws {Error} it is not there. */
function localSource(path: string, follows: boolean): LocalSource {
  const written = resolvedWithEnding(process.cwd(), path);
  try {
    const file = follows ? realpathSync(written) : written;
    return { file, isDirectory: lstatSync(file).isDirectory(), name: copiedName(written) };
  } catch (error) {
    throw new Error(`cannot copy ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Where a chain of links leads, whether or not something is there. */
function followed(path: string): string {
  const MAX_LINKS = 40;
  let at = path;
  for (let links = 0; links < MAX_LINKS; links += 1) {
    if (!lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return at;
    at = resolve(dirname(at), readlinkSync(at));
  }
  throw new Error(`cannot write ${path}: too many symbolic links`);
}

/** The slash or `/.` at its end keeps its meaning. */
function resolvedWithEnding(directory: string, path: string): string {
  const plain = resolve(directory, path).replace(/\/$/, '');
  if (/(?:^|\/)\.$/.test(path)) return `${plain}/.`;
  return path.endsWith('/') || plain === '' ? `${plain}/` : plain;
}

function statIfAny(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** What a container holds is made this person's own, without what would give others more than they have. */
async function unpack(
  tar: AsyncIterable<Uint8Array>,
  directory: string,
  { flags, signal }: Copy,
): Promise<void> {
  const keeps = flags.archive === true;
  await applyLayer(tar, directory, {
    whiteouts: 'none',
    ownership: keeps ? 'keep' : 'ignore',
    devices: keeps ? 'keep' : 'skip',
    keepsKinds: true,
    ...(!keeps && { change: harmless }),
    signal,
  });
}

function harmless({ xattrs, ...entry }: Entry): Entry {
  const kept = new Map([...(xattrs ?? [])].filter(([name]) => name.startsWith('user.')));
  return { ...entry, mode: entry.mode & ~0o6000, ...(kept.size > 0 && { xattrs: kept }) };
}

function report({ quiet = false }: CopyFlags, { bytes }: Counter, to: string): void {
  if (!quiet) process.stderr.write(`Successfully copied ${humanSize(bytes)} to ${to}\n`);
}

class Counter {
  bytes = 0;

  async *counting(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of tar) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }
}
