import type { Repository } from '../client/index.js';
import { copy, isIndexType, type LocalStore } from '../image/index.js';
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  keyText,
  matchesPlatform,
  type Platform,
  parseReference,
  parseTag,
  type Reference,
  shortReference,
} from '../oci/index.js';
import { UsageError } from './failure.js';
import { chosenPlatform, takesReferrers } from './transfer-choices.js';
import type { PlatformFlags, ReferrersFlags } from './transfer-options.js';
import { type TransferFlags, TransferSession } from './transfer-session.js';

export type PullFlags = TransferFlags &
  PlatformFlags &
  ReferrersFlags &
  Readonly<{ allTags?: boolean; jobs?: number }>;

/** `berth pull`: images of registries become images of this machine. */
export async function pull(names: readonly string[], flags: PullFlags): Promise<void> {
  await using session = new TransferSession(flags);
  for (const name of names) {
    const reference = parseReference(name);
    const repository = await session.repository(reference);
    const wanted = flags.allTags === true ? await allTags(name, reference, repository) : [reference];
    for (const one of wanted) await pullOne(session, repository, one, flags);
  }
}

async function allTags(name: string, reference: Reference, repository: Repository): Promise<Reference[]> {
  if (/[:@][^/]*$/.test(name)) throw new UsageError('--all-tags takes a name without a tag');
  const tags = await Array.fromAsync(repository.tags());
  return tags.map((tag) => ({ ...reference, key: { tag: parseTag(tag) } }));
}

async function pullOne(
  session: TransferSession,
  repository: Repository,
  reference: Reference,
  flags: PullFlags,
): Promise<void> {
  const { resolved, isPresent } = await fetchImage(session, repository, reference, flags);
  report(session, reference, resolved, { isPresent, quiet: flags.quiet === true });
}

/** Makes an image of a registry one of this machine, and prints no result. @returns what the registry has, and whether it was here. */
export async function fetchImage(
  session: TransferSession,
  repository: Repository,
  reference: Reference,
  flags: PullFlags,
): Promise<Readonly<{ resolved: Descriptor; isPresent: boolean }>> {
  const store = await session.store();
  const { signal, progress } = session;
  const platform = chosenPlatform(flags, 'host');
  const resolved = await repository.resolve(keyText(reference.key), { signal });
  const name = formatReference(reference);
  const isPresent = findPresent(store, repository, resolved, namesOf(reference), platform);
  if (!isPresent) {
    const root = await copy(repository, resolved, store, [], {
      platform,
      signal,
      onProgress: progress.onTransfer,
      ...(flags.jobs === undefined ? {} : { jobs: flags.jobs }),
      referrers: takesReferrers(flags, { from: 'docker', to: 'local' }),
    });
    checkPlatform(store, root, platform, {
      name,
      isStated: flags.platform !== undefined,
      note: progress.note,
    });
    store.tagMany(root, namesOf(reference));
    rememberOrigin(store, root, repository.name, resolved);
  }
  return { resolved, isPresent };
}

/** One with a digest is what the registry calls it, which {@link rememberOrigin} notes. */
function namesOf(reference: Reference): string[] {
  return 'tag' in reference.key ? [formatReference(reference)] : [];
}

/** Whether nothing has to be fetched: the registry's digest is known here. Gives it the name, then. */
function findPresent(
  store: LocalStore,
  repository: Repository,
  { digest }: Descriptor,
  names: readonly string[],
  platform: Platform | 'all',
): boolean {
  const record = store.find(`${repository.name}@${digest}`);
  if (record === undefined) return false;
  const isIndex = isIndexType(record.descriptor.mediaType);
  // One platform of an index is an image of its own here.
  if (platform === 'all' ? record.descriptor.digest !== digest : isIndex) return false;
  try {
    const { config } = store.image(record.descriptor, platform === 'all' ? undefined : platform);
    if (platform !== 'all' && !matchesPlatform(config, platform)) return false;
    if (names.length > 0) store.tagMany(record.descriptor, names);
    return true;
  } catch {
    return false; // damaged: what is missing is fetched
  }
}

/** An image that is no index is what it is; docker warns, and refuses only what was asked for by name. */
function checkPlatform(
  store: LocalStore,
  root: Descriptor,
  platform: Platform | 'all',
  { name, isStated, note }: { name: string; isStated: boolean; note: (text: string) => void },
): void {
  if (platform === 'all') return;
  const image = findImage(store, root);
  if (image === undefined || matchesPlatform(image, platform)) return;
  const difference = `is for ${formatPlatform(image)}, not for ${formatPlatform(platform)}`;
  if (isStated) throw new Error(`${name} ${difference}`);
  note(`warning: ${name} ${difference}`);
}

function findImage(store: LocalStore, root: Descriptor): Platform | undefined {
  try {
    const { config } = store.image(root);
    return config.architecture === '' ? undefined : config;
  } catch {
    return undefined; // an artifact
  }
}

/** For `repository@digest`, and to mount layers from there. */
function rememberOrigin(store: LocalStore, root: Descriptor, repository: string, resolved: Descriptor): void {
  store.addRepoDigest(root.digest, repository, resolved.digest);
  try {
    for (const layer of store.image(root).manifest.layers) store.layers.addSource(layer.digest, repository);
  } catch {
    // an artifact has none
  }
}

/** As docker ends a pull. */
function report(
  session: TransferSession,
  reference: Reference,
  { digest }: Descriptor,
  { isPresent, quiet }: { isPresent: boolean; quiet: boolean },
): void {
  if (!quiet) {
    const short = shortReference(reference);
    const status = isPresent ? `Image is up to date for ${short}` : `Downloaded newer image for ${short}`;
    session.print(`Digest: ${digest}\nStatus: ${status}\n`);
  }
  session.print(`${formatReference(reference)}\n`);
}
