import type { Digest, RepositoryName, Tag } from '../../oci/index.js';
import type { BlobRecord, ManifestKey, ManifestRecord, TagRecord } from '../metadata-index.js';
import { type Database, REPOSITORY } from './database.js';
import { packed } from './packed-digest.js';

/** Single rows of a repository, by the number of the repository. The caller holds the transaction. */
export class RepositoryRows {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Rows of repositories stay when nothing is left in them: their versions must never begin again.
   * @returns the repository's row, new where there was none, at its next version.
   */
  touch(repository: RepositoryName): number {
    const row = this.#db.get(
      `INSERT INTO repositories (name, version) VALUES (?1, 1)
       ON CONFLICT (name) DO UPDATE SET version = version + 1 RETURNING id`,
      repository,
    );
    return Number(row?.id);
  }

  versionOf(repository: RepositoryName): number {
    const row = this.#db.get('SELECT version FROM repositories WHERE name = ?1', repository);
    return Number(row?.version ?? 0);
  }

  insertBlob(id: number, { digest, canonical, size, linkedAt }: BlobRecord): void {
    this.#db.run(
      `INSERT INTO blobs (repository_id, digest, canonical, size, linked_at) VALUES (?1, ?2, ?3, ?4, ?5)
       ON CONFLICT DO UPDATE SET canonical = excluded.canonical, size = excluded.size,
         linked_at = max(linked_at, excluded.linked_at)`,
      id,
      packed(digest),
      packed(canonical),
      size,
      linkedAt.getTime(),
    );
  }

  deleteBlobs(id: number, digests: readonly Digest[]): void {
    this.#deleteEach('DELETE FROM blobs WHERE repository_id = ?1 AND digest = ?2', id, digests);
  }

  insertManifest(id: number, manifest: ManifestRecord): void {
    const { digest, canonical, mediaType, artifactType, subject, bytes, pushedAt } = manifest;
    const row = this.#db.get(
      `INSERT INTO manifests (repository_id, digest, canonical, media_type, artifact_type, subject, size,
         pushed_at, annotations, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
       ON CONFLICT DO UPDATE SET canonical = excluded.canonical, media_type = excluded.media_type,
         artifact_type = excluded.artifact_type, subject = excluded.subject, size = excluded.size,
         annotations = excluded.annotations, bytes = excluded.bytes, pushed_at = excluded.pushed_at
       RETURNING id`,
      id,
      packed(digest),
      packed(canonical),
      mediaType,
      artifactType ?? null,
      subject === undefined ? null : packed(subject),
      bytes.byteLength,
      pushedAt.getTime(),
      JSON.stringify(manifest.annotations),
      bytes,
    );
    for (const reference of manifest.references) {
      this.#db.run(
        `INSERT INTO manifest_references (manifest_id, target, kind, repository_id) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING`,
        Number(row?.id),
        packed(reference.digest),
        reference.kind,
        id,
      );
    }
  }

  deleteManifests(id: number, digests: readonly Digest[]): void {
    this.#deleteEach(
      `DELETE FROM manifest_references
       WHERE manifest_id = (SELECT id FROM manifests WHERE repository_id = ?1 AND digest = ?2)`,
      id,
      digests,
    );
    this.#deleteEach('DELETE FROM manifests WHERE repository_id = ?1 AND digest = ?2', id, digests);
  }

  deleteTagsOn(id: number, digests: readonly Digest[]): void {
    this.#deleteEach('DELETE FROM tags WHERE repository_id = ?1 AND digest = ?2', id, digests);
  }

  insertTag(id: number, { tag, digest, taggedAt }: TagRecord): void {
    this.#db.run(
      `INSERT INTO tags (repository_id, name, digest, tagged_at) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT DO UPDATE SET digest = excluded.digest, tagged_at = excluded.tagged_at`,
      id,
      tag,
      packed(digest),
      taggedAt.getTime(),
    );
  }

  deleteTag(id: number, tag: Tag): void {
    this.#db.run('DELETE FROM tags WHERE repository_id = ?1 AND name = ?2', id, tag);
  }

  setUnreadable(id: number, paths: readonly string[]): void {
    this.#db.run('DELETE FROM unreadable_links WHERE repository_id = ?1', id);
    for (const path of paths)
      this.#db.run('INSERT INTO unreadable_links (repository_id, path) VALUES (?1, ?2)', id, path);
  }

  /** With one statement for a list of them, SQLite would first look up all rows and keep them in a table. */
  #deleteEach(sql: string, id: number, digests: readonly Digest[]): void {
    for (const digest of digests) this.#db.run(sql, id, packed(digest));
  }

  recordPull(repository: RepositoryName, key: ManifestKey, at: number): void {
    this.#db.run(
      'UPDATE repositories SET pulled_at = max(coalesce(pulled_at, 0), ?2) WHERE name = ?1',
      repository,
      at,
    );
    if ('tag' in key) {
      this.#db.run(
        `UPDATE tags SET pulled_at = ?3 WHERE repository_id = ${REPOSITORY} AND name = ?2`,
        repository,
        key.tag,
        at,
      );
    }
    const digest =
      'digest' in key ? '?2' : `(SELECT digest FROM tags WHERE repository_id = ${REPOSITORY} AND name = ?2)`;
    this.#db.run(
      `UPDATE manifests SET pulled_at = ?3 WHERE repository_id = ${REPOSITORY} AND digest = ${digest}`,
      repository,
      'digest' in key ? packed(key.digest) : key.tag,
      at,
    );
  }
}
