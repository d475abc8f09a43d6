import type { Descriptor, Digest, Platform } from '../oci/index.js';
import { formatPlatform, matchesPlatform } from '../oci/index.js';
import { ImageFormatError } from './errors.js';
import type { ImageRecord } from './image-records.js';
import type { LocalStore } from './local-store.js';
import { isAttestation, isIndexType, parseStored, platformIn } from './manifests.js';

/** What attestations in an index are about. */
const SUBJECT = 'vnd.docker.reference.digest';

/** `isLast`: it has nothing else, and is still there for the caller to remove. */
export type RemovedPlatforms = Readonly<{ gone: readonly Digest[]; isLast: boolean }>;

/**
 * Takes the images for some platforms out of an index, with what the index has about them. Its names go over to the index
 * that is left; what registries call it does not, as that is the whole.
 * @throws {ImageFormatError} it has no image for one of them.
 */
export function removePlatforms(
  store: LocalStore,
  record: ImageRecord,
  platforms: readonly Platform[],
): RemovedPlatforms {
  const { descriptor: root } = record;
  const { children } = isIndexType(root.mediaType)
    ? parseStored(store.read(root.digest), root)
    : { children: [root] };
  const offered = children.map((child) => ({ digest: child.digest, platform: platformOf(store, child) }));
  const matching = platforms.flatMap((wanted) => {
    const found = offered.filter(
      ({ platform }) => platform !== undefined && matchesPlatform(platform, wanted),
    );
    if (found.length === 0) throw missing(record, wanted, offered);
    return found.map(({ digest }) => digest);
  });
  const gone = new Set(matching);
  const isLast = offered.every(({ digest, platform }) => platform === undefined || gone.has(digest));
  if (!isLast) replace(store, record, gone);
  return { gone: [...gone], isLast };
}

function replace(store: LocalStore, record: ImageRecord, gone: ReadonlySet<string>): void {
  const { digest, mediaType } = record.descriptor;
  const index = JSON.parse(store.read(digest).toString()) as { manifests: Descriptor[] };
  const manifests = index.manifests.filter(
    (child) => !gone.has(child.digest) && !gone.has(child.annotations?.[SUBJECT] ?? ''),
  );
  const rest = store.putBytes(Buffer.from(JSON.stringify({ ...index, manifests })), mediaType);
  store.tagMany(rest, record.names);
  store.remove({ ...record, names: [] });
}

function missing(
  { names, id }: ImageRecord,
  wanted: Platform,
  offered: readonly Readonly<{ platform: Platform | undefined }>[],
): ImageFormatError {
  const has = offered.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
  const name = names[0] ?? id;
  return new ImageFormatError(`${name} has no image for ${formatPlatform(wanted)}; it has ${has.join(', ')}`);
}

/** `undefined` for what is no image. */
function platformOf(store: LocalStore, child: Descriptor): Platform | undefined {
  if (isAttestation(child)) return undefined;
  if (child.platform !== undefined) return child.platform;
  try {
    return platformIn(store.image(child).config);
  } catch {
    return undefined;
  }
}
