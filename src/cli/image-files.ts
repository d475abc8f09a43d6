import { createReadStream } from 'node:fs';
import { applyChanges } from '../builder/index.js';
import { exportRootfs, ImageRootfs, importImage } from '../image/index.js';
import { formatReference, hostPlatform, parseReference } from '../oci/index.js';
import { openOutput } from './archive-place.js';
import { exportContainer } from './container-export.js';
import { isContainer } from './container-show.js';
import { UsageError } from './failure.js';
import { standardInput } from './standard-input.js';
import { chosenPlatform } from './transfer-choices.js';
import type { PlatformFlags } from './transfer-options.js';
import { type TransferFlags, TransferSession } from './transfer-session.js';

export type ImportFlags = TransferFlags &
  PlatformFlags &
  Readonly<{ change?: readonly string[]; message?: string }>;

/** `berth import`: the tar of a root filesystem becomes an image. */
export async function importFile(
  source: string,
  name: string | undefined,
  flags: ImportFlags,
): Promise<void> {
  if (/^https?:/.test(source))
    throw new UsageError(`get the file first: curl -fL ${source} | berth import - NAME`);
  const config = applyChanges(flags.change ?? []);
  const names = name === undefined ? [] : [formatReference(parseReference(name))];
  const platform = chosenPlatform(flags, 'host');
  await using session = new TransferSession({ ...flags, quiet: true });
  const store = await session.store();
  const descriptor = await importImage(
    store,
    source === '-' ? standardInput(session.signal) : createReadStream(source),
    {
      config,
      platform: platform === 'all' ? hostPlatform() : platform,
      created: new Date().toISOString(),
      comment: flags.message ?? `Imported from ${source}`,
      signal: session.signal,
    },
  );
  store.tagMany(descriptor, names);
  session.print(`${store.get(descriptor.digest).id}\n`);
}

export type ExportFlags = TransferFlags & PlatformFlags & Readonly<{ output?: string }>;

/** `berth export`: all files of a container or, where none is called so, of an image as one tar. */
export async function exportFiles(name: string, flags: ExportFlags): Promise<void> {
  if (flags.platform === undefined && (await isContainer(name, flags))) return exportContainer(name, flags);
  const output = flags.output === '-' ? undefined : flags.output;
  if (output === undefined && process.stdout.isTTY) {
    throw new UsageError('a tar is not for a terminal: use -o FILE, or redirect the output');
  }
  // Until the tar is whole: a reader that goes away early must not look like success.
  if (output === undefined) process.exitCode = 1;
  await using session = new TransferSession({ ...flags, quiet: true });
  const store = await session.store();
  const platform = flags.platform === undefined ? undefined : chosenPlatform(flags, 'host');
  const found = store.find(name);
  if (found === undefined)
    throw new Error(`no such ${platform === undefined ? 'container or image' : 'image'}: ${name}`);
  const image = store.image(found.descriptor, platform === 'all' ? undefined : platform);
  using rootfs = await ImageRootfs.open(store, image, session.signal);
  await using archive = await openOutput(output, session.signal);
  await exportRootfs(rootfs, archive);
  process.exitCode = 0;
}
