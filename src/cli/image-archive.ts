import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ImageEndpoint } from '../content/index.js';
import {
  ArchiveImages,
  chooseImages,
  compressed,
  DockerArchiveWriter,
  LayoutDirectory,
  type LocalStore,
  loadImages as loadStored,
  OciArchiveWriter,
  saveImages as saveStored,
} from '../image/index.js';
import { parseReference, shortReference } from '../oci/index.js';
import { openOutput } from './archive-place.js';
import { UsageError } from './failure.js';
import { standardInput } from './standard-input.js';
import { chosenPlatform, compressionOptions, takesReferrers } from './transfer-choices.js';
import type { CompressionFlags, PlatformFlags, ReferrersFlags } from './transfer-options.js';
import { type TransferFlags, TransferSession } from './transfer-session.js';

type ArchiveFormat = 'docker-archive' | 'oci-archive' | 'oci-dir';
export type SaveFlags = TransferFlags &
  PlatformFlags &
  Omit<CompressionFlags, 'format'> &
  ReferrersFlags &
  Readonly<{ output?: string; format?: ArchiveFormat }>;

/** `berth save`: images into one archive, on standard output or in a file. */
export async function saveImages(names: readonly string[], flags: SaveFlags): Promise<void> {
  const { format = 'docker-archive' } = flags;
  const output = flags.output === '-' ? undefined : flags.output;
  if (output === undefined && process.stdout.isTTY) {
    throw new UsageError('an archive is not for a terminal: use -o FILE, or redirect the output');
  }
  // Until the archive is whole: a reader that goes away early must not look like success.
  if (output === undefined) process.exitCode = 1;
  await using session = new TransferSession(flags);
  const store = await session.store();
  const chosen = chooseImages(store, names);
  const target = session.own(await openTarget(store, session.signal, format, output));
  const platform = chosenPlatform(flags, format === 'docker-archive' ? 'host' : 'all');
  const to = format === 'docker-archive' ? format : 'oci';
  const referrers = takesReferrers(flags, { from: 'local', to });
  const options = { platform, referrers, signal: session.signal, onProgress: session.progress.onTransfer };
  const isPacked = format !== 'docker-archive' && flags.compression !== 'none';
  const { format: _, ...compression } = flags;
  const source = isPacked ? compressed(store, { ...compressionOptions(compression), ...options }) : store;
  await saveStored(source, chosen, target, options);
  process.exitCode = 0;
}

async function openTarget(
  store: LocalStore,
  signal: AbortSignal,
  format: ArchiveFormat,
  path: string | undefined,
): Promise<ImageEndpoint> {
  if (format === 'oci-dir') {
    if (path === undefined) throw new UsageError('a directory is needed: use -o DIR');
    return LayoutDirectory.create(path);
  }
  const options = {
    name: path ?? 'standard output',
    output: await openOutput(path, signal),
    temporary: () => store.temporaryDirectory(),
  };
  return format === 'oci-archive' ? new OciArchiveWriter(options) : new DockerArchiveWriter(options);
}

export type LoadFlags = TransferFlags & PlatformFlags & Readonly<{ input?: string }>;

/** `berth load`: all images of an archive, from a file or standard input. */
export async function loadImages(flags: LoadFlags): Promise<void> {
  const { input } = flags;
  if (input === undefined && process.stdin.isTTY) {
    throw new UsageError('an archive is needed: use -i FILE, or redirect the input');
  }
  await using session = new TransferSession(flags);
  const store = await session.store();
  const { signal, progress } = session;
  const { endpoint, images } = await openLoaded(session, input);
  const platform = chosenPlatform(flags, flags.allPlatforms === true ? 'all' : 'host');
  const loading = loadStored(endpoint, images, store, { platform, signal, onProgress: progress.onTransfer });
  for await (const { record, names } of loading) {
    const { id } = record;
    const lines =
      names.length === 0 ? [`Loaded image ID: ${id}`] : names.map((name) => `Loaded image: ${shown(name)}`);
    session.print(lines.map((line) => `${line}\n`).join(''));
  }
}

/** An archive, or a layout, which is the same unpacked. */
async function openLoaded(session: TransferSession, input: string | undefined) {
  const { signal } = session;
  if (input !== undefined && statSync(input, { throwIfNoEntry: false })?.isDirectory()) {
    if (!existsSync(join(input, 'index.json')))
      throw new UsageError(
        `${input} is a directory without index.json, so no OCI layout; if it is an unpacked archive: tar -C ${input} -c . | berth load`,
      );
    const endpoint = LayoutDirectory.open(input);
    return { endpoint, images: endpoint.namedImages() };
  }
  const source = input === undefined || input === '-' ? standardInput(signal) : input;
  const store = await session.store();
  const opening = ArchiveImages.open(source, { temporary: () => store.temporaryDirectory(), signal });
  const endpoint = session.own(await opening);
  return { endpoint, images: endpoint.images };
}

function shown(name: string): string {
  return shortReference(parseReference(name));
}
