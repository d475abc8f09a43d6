import { writeFile } from 'node:fs/promises';
import { ImageNotFoundError } from '../content/index.js';
import { type LocalStore, namesOfRepository, pushImage } from '../image/index.js';
import {
  formatReference,
  isNameOnly,
  keyText,
  parseReference,
  type Reference,
  shortName,
} from '../oci/index.js';
import { UsageError } from './failure.js';
import { chosenPlatform, compressionOptions, takesReferrers } from './transfer-choices.js';
import type { CompressionFlags, PlatformFlags, ReferrersFlags } from './transfer-options.js';
import { type TransferFlags, TransferSession } from './transfer-session.js';

export type PushFlags = TransferFlags &
  PlatformFlags &
  CompressionFlags &
  ReferrersFlags &
  Readonly<{ allTags?: boolean; digestFile?: string; jobs?: number }>;

/** `berth push`: an image of this machine goes to the registry in its name, or to another name. */
export async function push(name: string, target: string | undefined, flags: PushFlags): Promise<void> {
  await using session = new TransferSession(flags);
  const store = await session.store();
  if (flags.allTags === true) {
    if (target !== undefined) throw new UsageError('--all-tags takes one name');
    for (const reference of tagsOf(store, name)) await pushOne(session, store, reference, reference, flags);
    return;
  }
  const text = (target ?? name).replace(/^docker:\/\//, '');
  const to = parseReference(text);
  if (!('tag' in to.key)) throw new UsageError(`a push needs a tag: ${target ?? name}`);
  session.tellDefaultTag(text);
  await pushOne(session, store, name, to, flags);
}

function tagsOf(store: LocalStore, name: string): Reference[] {
  if (!isNameOnly(name)) throw new UsageError('--all-tags takes a name without a tag');
  const names = namesOfRepository(store, name);
  if (names.length === 0) throw new ImageNotFoundError(name);
  return names.map(parseReference);
}

async function pushOne(
  session: TransferSession,
  store: LocalStore,
  from: string | Reference,
  to: Reference,
  flags: PushFlags,
): Promise<void> {
  const { signal, progress } = session;
  const record = store.get(typeof from === 'string' ? from : formatReference(from));
  const repository = await session.repository(to);
  if (flags.quiet !== true) {
    session.print(`The push refers to repository [${to.registry}/${to.repository}]\n`);
  }
  const root = await pushImage(store, record, repository, to, {
    ...compressionOptions(flags),
    platform: chosenPlatform(flags, 'all'),
    referrers: takesReferrers(flags, { from: 'local', to: 'docker' }),
    onProgress: progress.onTransfer,
    signal,
    ...(flags.jobs === undefined ? {} : { jobs: flags.jobs }),
  });
  if (flags.digestFile !== undefined) await writeFile(flags.digestFile, root.digest);
  session.print(
    flags.quiet === true
      ? `${shortName(to)}@${root.digest}\n`
      : `${keyText(to.key)}: digest: ${root.digest} size: ${root.size}\n`,
  );
}
