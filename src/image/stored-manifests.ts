import type { Descriptor, Digest } from '../oci/index.js';
import type { ReadContent } from './local-image.js';
import { isManifestType, parseStored } from './manifests.js';
import type { StoreDatabase } from './store-database.js';

/** Every stored manifest is noted, with its subject. What is noted already is not written. */
export function noteManifest(db: StoreDatabase, descriptor: Descriptor, bytes: Uint8Array): void {
  if (!isManifestType(descriptor.mediaType)) return;
  const { subject, artifactType } = parseStored(bytes, descriptor);
  const sql = `INSERT INTO manifests VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE
    SET media_type = ?2, size = ?3, subject = ?4, artifact_type = ?5
    WHERE (media_type, size, subject, artifact_type) IS NOT (?2, ?3, ?4, ?5)`;
  const { digest, mediaType, size } = descriptor;
  db.run(sql, digest, mediaType, size, subject?.digest ?? null, artifactType ?? null);
}

/** Notes a manifest and those below it, as far as they are here. */
export function noteManifests(
  db: StoreDatabase,
  descriptor: Descriptor,
  read: ReadContent,
  noted = new Set<Digest>(),
): void {
  if (!isManifestType(descriptor.mediaType) || noted.has(descriptor.digest)) return;
  noted.add(descriptor.digest);
  try {
    const bytes = read(descriptor.digest);
    noteManifest(db, descriptor, bytes);
    for (const child of parseStored(bytes, descriptor).children) noteManifests(db, child, read, noted);
  } catch {
    // an index may name images that are not here
  }
}

/** Manifests that are about other content. */
export function referrersOf(db: StoreDatabase, subject: Digest): Descriptor[] {
  const sql = 'SELECT digest, media_type, size, artifact_type FROM manifests WHERE subject = ?1 ORDER BY 1';
  return db.all(sql, subject).map((row) => ({
    digest: String(row.digest) as Digest,
    mediaType: String(row.media_type),
    size: Number(row.size),
    ...(row.artifact_type === null ? {} : { artifactType: String(row.artifact_type) }),
  }));
}

/** Unless it is about nothing. */
export function forgetReferrer(db: StoreDatabase, digest: Digest): void {
  db.run('DELETE FROM manifests WHERE digest = ?1 AND subject IS NOT NULL', digest);
}

export function isReferrer(db: StoreDatabase, digest: Digest): boolean {
  const sql = 'SELECT 1 FROM manifests WHERE digest = ?1 AND subject IS NOT NULL';
  return db.get(sql, digest) !== undefined;
}
