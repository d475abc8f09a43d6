import type { Digest, RepositoryName, Tag } from '../oci/index.js';
import { Database, type Row } from './database.js';
import type {
  BlobRecord,
  ManifestKey,
  ManifestRecord,
  MetadataIndex,
  PendingDelete,
  Pull,
  Referrer,
  RepositoryChanges,
  RepositoryContents,
  RepositoryUsage,
  StoredManifest,
  TagList,
  TagRecord,
} from './metadata-index.js';

const REPOSITORY = '(SELECT id FROM repositories WHERE name = ?1)';

/** What a descriptor takes in JSON: its values, and 100 bytes around them. */
const DESCRIPTOR_BYTES = `(octet_length(digest) + octet_length(media_type) + octet_length(annotations) +
  coalesce(octet_length(artifact_type), 0) + 100)`;

/** The index of one machine. Rows hold only values that were typed when they were written: hence the casts. */
export class SqliteIndex implements MetadataIndex {
  readonly #db: Database;

  /** @param path a file, or `:memory:`. */
  constructor(path: string) {
    this.#db = new Database(path);
  }

  get generation(): number {
    return this.#db.replaced;
  }

  async findBlob(repository: RepositoryName, digest: Digest): Promise<BlobRecord | undefined> {
    const row = this.#db.get(
      `SELECT canonical, size, linked_at FROM blobs WHERE repository_id = ${REPOSITORY} AND digest = ?2`,
      repository,
      digest,
    );
    return (
      row && {
        digest,
        canonical: row.canonical as Digest,
        size: Number(row.size),
        linkedAt: new Date(Number(row.linked_at)),
      }
    );
  }

  async repositoriesWithBlob(digest: Digest, limit: number): Promise<RepositoryName[]> {
    const rows = this.#db.all(
      `SELECT r.name FROM blobs b JOIN repositories r ON r.id = b.repository_id
       WHERE b.digest = ?1 ORDER BY r.name LIMIT ?2`,
      digest,
      limit,
    );
    return rows.map((row) => row.name as RepositoryName);
  }

  async findManifest(repository: RepositoryName, key: ManifestKey): Promise<StoredManifest | undefined> {
    const row =
      'digest' in key
        ? this.#db.get(
            `SELECT digest, media_type, bytes FROM manifests WHERE repository_id = ${REPOSITORY} AND digest = ?2`,
            repository,
            key.digest,
          )
        : this.#db.get(
            `SELECT m.digest, m.media_type, m.bytes FROM tags t
             JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
             WHERE t.repository_id = ${REPOSITORY} AND t.name = ?2`,
            repository,
            key.tag,
          );
    return (
      row && {
        digest: row.digest as Digest,
        mediaType: String(row.media_type),
        bytes: row.bytes as Uint8Array,
      }
    );
  }

  async findTag(repository: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    const sql = `SELECT digest FROM tags WHERE repository_id = ${REPOSITORY} AND name = ?2`;
    return this.#db.get(sql, repository, tag)?.digest as Digest | undefined;
  }

  async missing(repository: RepositoryName, digests: readonly Digest[]): Promise<Digest[]> {
    const missing = this.#db.column(
      `SELECT value FROM json_each(?2) WHERE
       NOT EXISTS (SELECT 1 FROM blobs WHERE repository_id = ${REPOSITORY} AND digest = value)
       AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository_id = ${REPOSITORY} AND digest = value)
       ORDER BY key`,
      repository,
      JSON.stringify(digests),
    );
    return missing as Digest[];
  }

  async hasManifests(repository: RepositoryName): Promise<boolean> {
    const sql = `SELECT 1 FROM manifests WHERE repository_id = ${REPOSITORY} LIMIT 1`;
    return this.#db.get(sql, repository) !== undefined;
  }

  async listRepositories(page: {
    after?: string;
    limit: number;
    containing?: string;
  }): Promise<RepositoryName[]> {
    const names = this.#db.column(
      `SELECT name FROM repositories r WHERE name > ?1 AND (?3 = '' OR instr(name, ?3) > 0)
       AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = r.id) ORDER BY name LIMIT ?2`,
      page.after ?? '',
      page.limit,
      page.containing ?? '',
    );
    return names as RepositoryName[];
  }

  async listTags(repository: RepositoryName, page: { after?: string; limit: number }): Promise<TagList> {
    const row = this.#db.get(
      `SELECT json_group_array(name ORDER BY name) AS json, max(name) AS last FROM (
         SELECT name FROM tags WHERE repository_id = ${REPOSITORY} AND name > ?2 ORDER BY name LIMIT ?3)`,
      repository,
      page.after ?? '',
      page.limit,
    );
    const last = row?.last === null ? undefined : (row?.last as Tag);
    return { json: String(row?.json), last, more: last !== undefined && this.#hasTagAfter(repository, last) };
  }

  async listReferrers(
    repository: RepositoryName,
    subject: Digest,
    page: { after?: string; limit: number; maxBytes: number; artifactTypes: readonly string[] },
  ): Promise<Referrer[]> {
    let bytes = 0;
    const rows = this.#db.takeWhile(
      (row) => {
        const isFirst = bytes === 0;
        bytes += Number(row.bytes);
        return isFirst || bytes <= page.maxBytes;
      },
      `SELECT digest, media_type, size, artifact_type, annotations, ${DESCRIPTOR_BYTES} AS bytes FROM manifests
       WHERE repository_id = ${REPOSITORY} AND subject = ?2 AND digest > ?3
       AND (?4 = '[]' OR artifact_type IN (SELECT value FROM json_each(?4)))
       ORDER BY digest LIMIT ?5`,
      repository,
      subject,
      page.after ?? '',
      JSON.stringify(page.artifactTypes),
      page.limit,
    );
    return rows.map(referrerOf);
  }

  async usage(): Promise<RepositoryUsage[]> {
    const rows = this.#db.all(
      `SELECT name, pushed_at, pulled_at,
         (SELECT coalesce(sum(size), 0) FROM blobs WHERE repository_id = r.id) AS blob_bytes,
         (SELECT coalesce(sum(size), 0) FROM manifests WHERE repository_id = r.id) AS manifest_bytes,
         (SELECT count(*) FROM manifests WHERE repository_id = r.id) AS manifests,
         (SELECT count(*) FROM tags WHERE repository_id = r.id) AS tags
       FROM repositories r ORDER BY name`,
    );
    return rows.map(usageOf);
  }

  async putBlob(repository: RepositoryName, blob: BlobRecord): Promise<void> {
    this.#change(repository, (id) => this.#insertBlob(id, blob));
  }

  async dropBlob(repository: RepositoryName, digest: Digest): Promise<void> {
    this.#change(repository, (id) => this.#deleteBlob(id, digest));
  }

  async putManifest(
    repository: RepositoryName,
    manifest: ManifestRecord,
    tags: readonly Tag[],
  ): Promise<void> {
    this.#change(repository, (id) => {
      this.#insertManifest(id, manifest);
      for (const tag of tags)
        this.#insertTag(id, { tag, digest: manifest.digest, taggedAt: manifest.pushedAt });
      this.#db.run('UPDATE repositories SET pushed_at = ?2 WHERE id = ?1', id, manifest.pushedAt.getTime());
    });
  }

  async dropManifest(repository: RepositoryName, digest: Digest): Promise<void> {
    this.#change(repository, (id) => {
      this.#db.run('DELETE FROM tags WHERE repository_id = ?1 AND digest = ?2', id, digest);
      this.#deleteManifest(id, digest);
    });
  }

  async tagsOf(repository: RepositoryName, digest: Digest): Promise<Tag[]> {
    const rows = this.#db.all(
      `SELECT name FROM tags WHERE repository_id = ${REPOSITORY} AND digest = ?2 ORDER BY name`,
      repository,
      digest,
    );
    return rows.map((row) => row.name as Tag);
  }

  async dropTag(repository: RepositoryName, tag: Tag): Promise<void> {
    this.#change(repository, (id) => this.#deleteTag(id, tag));
  }

  async recordPulls(pulls: readonly Pull[]): Promise<void> {
    this.#db.transaction(() => {
      for (const { repository, key, at } of pulls) this.#recordPull(repository, key, at.getTime());
    });
  }

  async beginDelete(repository: RepositoryName, key: ManifestKey, begunAt: Date): Promise<PendingDelete> {
    const { tag = null, digest = null } = 'tag' in key ? { tag: key.tag } : { digest: key.digest };
    const { rowid } = this.#db.run(
      'INSERT INTO pending_deletes (repository, tag, digest, begun_at) VALUES (?1, ?2, ?3, ?4)',
      repository,
      tag,
      digest,
      begunAt.getTime(),
    );
    return { id: rowid, repository, key, begunAt };
  }

  async endDelete({ id }: PendingDelete): Promise<void> {
    this.#db.run('DELETE FROM pending_deletes WHERE id = ?1', id);
  }

  async pendingDeletes(): Promise<PendingDelete[]> {
    return this.#db.all('SELECT * FROM pending_deletes ORDER BY id').map((row) => ({
      id: Number(row.id),
      repository: row.repository as RepositoryName,
      key: row.tag === null ? { digest: row.digest as Digest } : { tag: row.tag as Tag },
      begunAt: new Date(Number(row.begun_at)),
    }));
  }

  async contents(repository: RepositoryName): Promise<RepositoryContents> {
    return this.#db.transaction(() => {
      const column = (sql: string) => this.#db.all(sql, repository);
      const blobs = column(`SELECT digest FROM blobs WHERE repository_id = ${REPOSITORY}`);
      const manifests = column(`SELECT digest FROM manifests WHERE repository_id = ${REPOSITORY}`);
      const tags = column(`SELECT name, digest FROM tags WHERE repository_id = ${REPOSITORY}`);
      return {
        version: this.#versionOf(repository),
        blobs: new Set(blobs.map((row) => row.digest as Digest)),
        manifests: new Set(manifests.map((row) => row.digest as Digest)),
        tags: new Map(tags.map((row) => [row.name as Tag, row.digest as Digest])),
      };
    });
  }

  async applyChanges(
    repository: RepositoryName,
    changes: RepositoryChanges,
    version: number,
  ): Promise<boolean> {
    return this.#db.transaction(() => {
      if (this.#versionOf(repository) !== version) return false;
      const id = this.#touch(repository);
      for (const blob of changes.putBlobs) this.#insertBlob(id, blob);
      for (const digest of changes.dropBlobs) this.#deleteBlob(id, digest);
      for (const manifest of changes.putManifests) this.#insertManifest(id, manifest);
      for (const digest of changes.dropManifests) this.#deleteManifest(id, digest);
      for (const tag of changes.putTags) this.#insertTag(id, tag);
      for (const tag of changes.dropTags) this.#deleteTag(id, tag);
      this.#db.run(
        `UPDATE repositories SET pushed_at = coalesce(pushed_at,
           (SELECT max(pushed_at) FROM manifests WHERE repository_id = ?1)) WHERE id = ?1`,
        id,
      );
      return true;
    });
  }

  async allRepositories(): Promise<RepositoryName[]> {
    return this.#db
      .all('SELECT name FROM repositories ORDER BY name')
      .map((row) => row.name as RepositoryName);
  }

  async check(): Promise<void> {
    this.#db.get('SELECT count(*) FROM pending_deletes');
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #change(repository: RepositoryName, change: (id: number) => void): void {
    this.#db.transaction(() => change(this.#touch(repository)));
  }

  #hasTagAfter(repository: RepositoryName, tag: Tag): boolean {
    const sql = `SELECT 1 FROM tags WHERE repository_id = ${REPOSITORY} AND name > ?2 LIMIT 1`;
    return this.#db.get(sql, repository, tag) !== undefined;
  }

  /**
   * Rows of repositories stay when nothing is left in them: their versions must never begin again.
   * @returns the repository's row, new where there was none, at its next version.
   */
  #touch(repository: RepositoryName): number {
    const row = this.#db.get(
      `INSERT INTO repositories (name, version) VALUES (?1, 1)
       ON CONFLICT (name) DO UPDATE SET version = version + 1 RETURNING id`,
      repository,
    );
    return Number(row?.id);
  }

  #versionOf(repository: RepositoryName): number {
    const row = this.#db.get('SELECT version FROM repositories WHERE name = ?1', repository);
    return Number(row?.version ?? 0);
  }

  #insertBlob(id: number, { digest, canonical, size, linkedAt }: BlobRecord): void {
    this.#db.run(
      `INSERT INTO blobs (repository_id, digest, canonical, size, linked_at) VALUES (?1, ?2, ?3, ?4, ?5)
       ON CONFLICT DO UPDATE SET canonical = excluded.canonical, size = excluded.size`,
      id,
      digest,
      canonical,
      size,
      linkedAt.getTime(),
    );
  }

  #deleteBlob(id: number, digest: Digest): void {
    this.#db.run('DELETE FROM blobs WHERE repository_id = ?1 AND digest = ?2', id, digest);
  }

  #insertManifest(id: number, manifest: ManifestRecord): void {
    const { digest, canonical, mediaType, artifactType, subject, bytes, pushedAt } = manifest;
    this.#db.run(
      `INSERT INTO manifests (repository_id, digest, canonical, media_type, artifact_type, subject, size,
         pushed_at, annotations, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
       ON CONFLICT DO UPDATE SET canonical = excluded.canonical, media_type = excluded.media_type,
         artifact_type = excluded.artifact_type, subject = excluded.subject, size = excluded.size,
         annotations = excluded.annotations, bytes = excluded.bytes, pushed_at = excluded.pushed_at`,
      id,
      digest,
      canonical,
      mediaType,
      artifactType ?? null,
      subject ?? null,
      bytes.byteLength,
      pushedAt.getTime(),
      JSON.stringify(manifest.annotations),
      bytes,
    );
    for (const reference of manifest.references) {
      this.#db.run(
        `INSERT INTO manifest_references (repository_id, manifest, target, kind) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING`,
        id,
        digest,
        reference.digest,
        reference.kind,
      );
    }
  }

  #deleteManifest(id: number, digest: Digest): void {
    this.#db.run('DELETE FROM manifest_references WHERE repository_id = ?1 AND manifest = ?2', id, digest);
    this.#db.run('DELETE FROM manifests WHERE repository_id = ?1 AND digest = ?2', id, digest);
  }

  #insertTag(id: number, { tag, digest, taggedAt }: TagRecord): void {
    this.#db.run(
      `INSERT INTO tags (repository_id, name, digest, tagged_at) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT DO UPDATE SET digest = excluded.digest, tagged_at = excluded.tagged_at`,
      id,
      tag,
      digest,
      taggedAt.getTime(),
    );
  }

  #deleteTag(id: number, tag: Tag): void {
    this.#db.run('DELETE FROM tags WHERE repository_id = ?1 AND name = ?2', id, tag);
  }

  #recordPull(repository: RepositoryName, key: ManifestKey, at: number): void {
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
      'digest' in key ? key.digest : key.tag,
      at,
    );
  }
}

function referrerOf(row: Row): Referrer {
  return {
    digest: row.digest as Digest,
    mediaType: String(row.media_type),
    size: Number(row.size),
    artifactType: row.artifact_type === null ? undefined : String(row.artifact_type),
    annotations: JSON.parse(String(row.annotations)),
  };
}

function usageOf(row: Row): RepositoryUsage {
  return {
    repository: row.name as RepositoryName,
    bytes: Number(row.blob_bytes) + Number(row.manifest_bytes),
    manifests: Number(row.manifests),
    tags: Number(row.tags),
    pushedAt: timeOf(row.pushed_at),
    pulledAt: timeOf(row.pulled_at),
  };
}

function timeOf(milliseconds: unknown): Date | undefined {
  return milliseconds === null ? undefined : new Date(Number(milliseconds));
}
