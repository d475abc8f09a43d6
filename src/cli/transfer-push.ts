import { writeFile } from 'node:fs/promises';
import { ImageNotFoundError } from '../content/index.js';
import { compressed, copy, type LocalStore } from '../image/index.js';
import {
  type Descriptor,
  formatReference,
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
  const to = parseReference((target ?? name).replace(/^docker:\/\//, ''));
  if (!('tag' in to.key)) throw new UsageError(`a push needs a tag: ${target ?? name}`);
  await pushOne(session, store, name, to, flags);
}

function tagsOf(store: LocalStore, name: string): Reference[] {
  const prefix = formatReference(parseReference(name)).replace(/:[^:/]*$/, ':');
  if (/:[^/]*$/.test(name)) throw new UsageError('--all-tags takes a name without a tag');
  const names = store.images().flatMap((image) => image.names.filter((other) => other.startsWith(prefix)));
  if (names.length === 0) throw new ImageNotFoundError(name);
  return names.sort().map(parseReference);
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
  const source = compressed(store, {
    ...compressionOptions(flags),
    platform: chosenPlatform(flags, 'all'),
    onProgress: progress.onTransfer,
    signal,
  });
  const key = keyText(to.key);
  const root = await copy(source, record.descriptor.digest, repository, [key], {
    signal,
    onProgress: progress.onTransfer,
    mountFrom: (descriptor) => mountSource(store, descriptor, to),
    ...(flags.jobs === undefined ? {} : { jobs: flags.jobs }),
    referrers: takesReferrers(flags, { from: 'local', to: 'docker' }),
  });
  store.addRepoDigest(record.descriptor.digest, repository.name, root.digest);
  rememberSources(store, record.descriptor, repository.name);
  if (flags.digestFile !== undefined) await writeFile(flags.digestFile, root.digest);
  session.print(
    flags.quiet === true
      ? `${shortName(to)}@${root.digest}\n`
      : `${key}: digest: ${root.digest} size: ${root.size}\n`,
  );
}

/** Another repository of the same registry that a layer came from or went to. */
function mountSource(store: LocalStore, { digest }: Descriptor, to: Reference): string | undefined {
  const prefix = `${to.registry}/`;
  const own = `${prefix}${to.repository}`;
  const known = store.layers.sources(digest).filter((source) => source.startsWith(prefix));
  if (known.includes(own)) return undefined;
  return known[0]?.slice(prefix.length);
}

function rememberSources(store: LocalStore, root: Descriptor, repository: string): void {
  try {
    for (const { digest } of store.image(root).manifest.layers) {
      for (const sent of [digest, ...store.layers.compressedForms(digest)]) {
        store.layers.addSource(sent, repository);
      }
    }
  } catch {
    // an artifact has no layers of files
  }
}
