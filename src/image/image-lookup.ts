import { type Digest, findDigest, formatReference, parseReference } from '../oci/index.js';
import type { ImageRecord, ImageRecords } from './image-records.js';

/** What a person means: a digest, a name, or the beginning of an id. @throws {AmbiguousImageError} */
export function findByText(records: ImageRecords, text: string): ImageRecord | undefined {
  const digest = contentDigest(text);
  if (digest !== undefined) return findByDigest(records, digest);
  const name = wholeName(text);
  const named = name === undefined ? undefined : findByKey(records, name);
  const [, hex] = /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text) ?? [];
  return named ?? (hex === undefined ? undefined : records.byShortId(hex));
}

/** A whole name, a digest, or `''` for the only image. */
export function findByKey(records: ImageRecords, key: string): ImageRecord | undefined {
  if (key === '') return only(records.all());
  const digest = contentDigest(key);
  if (digest !== undefined) return findByDigest(records, digest);
  const at = key.indexOf('@');
  if (at < 0) return records.byName(key);
  const remote = findDigest(key.slice(at + 1));
  return records.byRepoDigest(key) ?? ofRepository(records, key.slice(0, at), remote);
}

/** An image whose own digest it is, when some name of it is of that repository. */
function ofRepository(
  records: ImageRecords,
  repository: string,
  digest: Digest | undefined,
): ImageRecord | undefined {
  const record = digest === undefined ? undefined : records.byDigest(digest);
  return record?.names.some((name) => name.startsWith(`${repository}:`)) ? record : undefined;
}

function findByDigest(records: ImageRecords, digest: Digest): ImageRecord | undefined {
  const alike = records.byId(digest);
  return alike.find(({ names }) => names.length > 0) ?? alike[0] ?? records.byDigest(digest);
}

function only(records: readonly ImageRecord[]): ImageRecord | undefined {
  return records.length === 1 ? records[0] : undefined;
}

/** `app:1` could be a digest too, by a hash that nobody knows. */
function contentDigest(text: string): Digest | undefined {
  return /^sha(256|512):/.test(text) ? findDigest(text) : undefined;
}

/** The whole name of what a person typed, `undefined` when it cannot be one. */
function wholeName(text: string): string | undefined {
  try {
    return formatReference(parseReference(text));
  } catch {
    return undefined;
  }
}
