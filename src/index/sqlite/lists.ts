import type { Digest, RepositoryName, Tag } from '../../oci/index.js';
import type {
  ManifestUse,
  Page,
  Referrer,
  ReferrersPage,
  RepositoryUsage,
  TagList,
  TagUse,
} from '../metadata-index.js';
import { DESCRIPTOR_BYTES, referrerOf, timeOf, usageOf } from '../rows.js';
import { type Database, REPOSITORY } from './database.js';
import { packed, unpacked } from './packed-digest.js';

// `LIMIT ?2 + 0`: SQLite plans by the value of a parameter that stands there alone, and so at each call anew.

/** Pages of what repositories hold. MetadataIndex says what each promises. */
export class Lists {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  repositories(page: Page & { containing?: string }): RepositoryName[] {
    const names = this.#db.column(
      `SELECT name FROM repositories WHERE shown = 1 AND name > ?1 AND (?3 = '' OR instr(name, ?3) > 0)
       ORDER BY name LIMIT ?2 + 0`,
      page.after ?? '',
      page.limit,
      page.containing ?? '',
    );
    return names as RepositoryName[];
  }

  repositoriesWithBlob(digest: Digest, page: Page & { prefix?: string }): RepositoryName[] {
    const names = this.#db.column(
      `SELECT r.name FROM blobs b JOIN repositories r ON r.id = b.repository_id
       WHERE b.digest = ?1 AND r.name > ?2 AND substr(r.name, 1, length(?4)) = ?4 ORDER BY r.name LIMIT ?3 + 0`,
      packed(digest),
      page.after ?? '',
      page.limit,
      page.prefix ?? '',
    );
    return names as RepositoryName[];
  }

  tags(repository: RepositoryName, page: Page): TagList {
    const row = this.#db.get(
      `SELECT json_group_array(name ORDER BY name) AS json, max(name) AS last FROM (
         SELECT name FROM tags WHERE repository_id = ${REPOSITORY} AND name > ?2 ORDER BY name LIMIT ?3 + 0)`,
      repository,
      page.after ?? '',
      page.limit,
    );
    const last = row?.last === null ? undefined : (row?.last as Tag);
    return { json: String(row?.json), last, more: last !== undefined && this.#hasTagAfter(repository, last) };
  }

  referrers(repository: RepositoryName, subject: Digest, page: ReferrersPage): Referrer[] {
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
       ORDER BY digest LIMIT ?5 + 0`,
      repository,
      packed(subject),
      page.after === undefined ? '' : packed(page.after),
      JSON.stringify(page.artifactTypes),
      page.limit,
    );
    return rows.map((row) => referrerOf(row, unpacked));
  }

  usage(): RepositoryUsage[] {
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

  bytesIn(repositories: readonly RepositoryName[]): number {
    const row = this.#db.get(
      `SELECT coalesce(sum(size), 0) AS bytes FROM (
         SELECT max(b.size) AS size FROM json_each(?1) JOIN repositories r ON r.name = value
         JOIN blobs b ON b.repository_id = r.id GROUP BY b.canonical)`,
      JSON.stringify(repositories),
    );
    return Number(row?.bytes);
  }

  tagUses(repository: RepositoryName): TagUse[] {
    const sql = `SELECT name, digest, tagged_at, pulled_at FROM tags WHERE repository_id = ${REPOSITORY} ORDER BY name`;
    return this.#db.all(sql, repository).map((row) => ({
      tag: row.name as Tag,
      digest: unpacked(row.digest),
      taggedAt: new Date(Number(row.tagged_at)),
      pulledAt: timeOf(row.pulled_at),
    }));
  }

  manifestUses(repositories: readonly RepositoryName[], digest?: Digest): ManifestUse[] {
    const rows = this.#db.all(
      `SELECT r.name, m.digest, max(m.pushed_at, coalesce(m.pulled_at, h.since), coalesce((
         SELECT max(p.pulled_at) FROM manifest_references x
         JOIN manifests p ON p.id = x.manifest_id
         WHERE x.repository_id = m.repository_id AND x.target = m.digest AND x.kind = 'child'), 0)) AS used_at
       FROM json_each(?1) JOIN repositories r ON r.name = value JOIN manifests m ON m.repository_id = r.id
       JOIN history h ${digest === undefined ? '' : 'WHERE m.digest = ?2'} ORDER BY used_at, r.name, m.digest`,
      JSON.stringify(repositories),
      ...(digest === undefined ? [] : [packed(digest)]),
    );
    return rows.map((row) => ({
      repository: row.name as RepositoryName,
      digest: unpacked(row.digest),
      usedAt: new Date(Number(row.used_at)),
    }));
  }

  #hasTagAfter(repository: RepositoryName, tag: Tag): boolean {
    const sql = `SELECT 1 FROM tags WHERE repository_id = ${REPOSITORY} AND name > ?2 LIMIT 1`;
    return this.#db.get(sql, repository, tag) !== undefined;
  }
}
