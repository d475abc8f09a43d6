import type { ImageEndpoint } from '../content/index.js';
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  keyText,
  matchesPlatform,
  type Platform,
  type Reference,
} from '../oci/index.js';
import { copy } from './copy.js';
import { ImageFormatError } from './errors.js';
import type { LocalStore } from './local-store.js';
import { isIndexType } from './manifests.js';
import type { OnTransfer } from './transfer-event.js';

export type PullOptions = Readonly<{
  /** Of an index: one image of it, or the whole. */
  platform: Platform | 'all';
  /** Whether the platform was asked for by name: another one is refused then. */
  isPlatformStated: boolean;
  referrers: boolean;
  jobs?: number;
  /** Told when it is known what the name stands for. */
  onResolved?: (descriptor: Descriptor) => void;
  onProgress?: OnTransfer;
  /** Something for people to know. */
  note: (text: string) => void;
  signal?: AbortSignal;
}>;

/** `resolved` is what the registry calls it; `root` what it is here: of an index the image that was chosen. */
export type Pulled = Readonly<{ resolved: Descriptor; root: Descriptor; isPresent: boolean }>;

/**
 * An image of a registry becomes one of this machine, with the name that it was asked for by.
 * @param repository the one in `reference`.
 * @throws {ImageFormatError} it is not for the platform.
 */
export async function pullImage(
  repository: ImageEndpoint,
  reference: Reference,
  store: LocalStore,
  options: PullOptions,
): Promise<Pulled> {
  const { platform, isPlatformStated, referrers, jobs, onProgress, note } = options;
  const signal = options.signal && { signal: options.signal };
  const resolved = await repository.resolve(keyText(reference.key));
  options.signal?.throwIfAborted();
  options.onResolved?.(resolved);
  const name = formatReference(reference);
  const present = findPresent(store, repository, resolved, namesOf(reference), platform);
  if (present !== undefined) return { resolved, root: present, isPresent: true };
  const root = await copy(repository, resolved, store, [], {
    platform,
    referrers,
    ...signal,
    ...(onProgress && { onProgress }),
    ...(jobs !== undefined && { jobs }),
  });
  checkPlatform(store, root, platform, { name, isStated: isPlatformStated, note });
  store.tagMany(root, namesOf(reference));
  rememberOrigin(store, root, repository.name, resolved);
  return { resolved, root, isPresent: false };
}

/** One with a digest is what the registry calls it, which {@link rememberOrigin} notes. */
function namesOf(reference: Reference): string[] {
  return 'tag' in reference.key ? [formatReference(reference)] : [];
}

/** Whether nothing has to be fetched: the registry's digest is known here. Gives it the name, then. */
function findPresent(
  store: LocalStore,
  repository: ImageEndpoint,
  { digest }: Descriptor,
  names: readonly string[],
  platform: Platform | 'all',
): Descriptor | undefined {
  const record = store.find(`${repository.name}@${digest}`);
  if (record === undefined) return undefined;
  const isIndex = isIndexType(record.descriptor.mediaType);
  // One platform of an index is an image of its own here.
  if (platform === 'all' ? record.descriptor.digest !== digest : isIndex) return undefined;
  try {
    const { config } = store.image(record.descriptor, platform === 'all' ? undefined : platform);
    if (platform !== 'all' && !matchesPlatform(config, platform)) return undefined;
    if (names.length > 0) store.tagMany(record.descriptor, names);
    return record.descriptor;
  } catch {
    return undefined; // damaged: what is missing is fetched
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
  if (isStated) throw new ImageFormatError(`${name} ${difference}`);
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
