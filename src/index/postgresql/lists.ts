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

/** Pages of what repositories hold. MetadataIndex says what each promises. */
export class Lists {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async repositories(page: Page & { containing?: string }): Promise<RepositoryName[]> {
    const names = await this.#db.column(
      `SELECT name FROM repositories WHERE shown AND name > $1 AND ($3 = '' OR strpos(name, $3) > 0)
       ORDER BY name LIMIT $2`,
      page.after ?? '',
      page.limit,
      page.containing ?? '',
    );
    return names as RepositoryName[];
  }

  async repositoriesWithBlob(digest: Digest, page: Page & { prefix?: string }): Promise<RepositoryName[]> {
    const names = await this.#db.column(
      `SELECT r.name FROM blobs b JOIN repositories r ON r.id = b.repository_id
       WHERE b.digest = $1 AND r.name > $2 AND starts_with(r.name, $4) ORDER BY r.name LIMIT $3`,
      digest,
      page.after ?? '',
      page.limit,
      page.prefix ?? '',
    );
    return names as RepositoryName[];
  }

  async tags(repository: RepositoryName, page: Page): Promise<TagList> {
    // No character of a tag is written otherwise in JSON.
    const row = await this.#db.get(
      `SELECT '["' || string_agg(name, '","' ORDER BY name) || '"]' AS json, max(name) AS last FROM (
         SELECT name FROM tags WHERE repository_id = ${REPOSITORY} AND name > $2 ORDER BY name LIMIT $3) AS page`,
      repository,
      page.after ?? '',
      page.limit,
    );
    if (typeof row?.json !== 'string') return { json: '[]', last: undefined, more: false };
    const last = row.last as Tag;
    return { json: row.json, last, more: await this.#hasTagAfter(repository, last) };
  }

  async referrers(repository: RepositoryName, subject: Digest, page: ReferrersPage): Promise<Referrer[]> {
    const rows = await this.#db.all(
      `SELECT * FROM (
         SELECT digest, media_type, size, artifact_type, annotations,
           sum(${DESCRIPTOR_BYTES}) OVER up_to_here AS bytes, row_number() OVER up_to_here AS place FROM (
             SELECT * FROM manifests WHERE repository_id = ${REPOSITORY} AND subject = $2 AND digest > $3
             AND (cardinality($4::text[]) = 0 OR artifact_type = ANY ($4)) ORDER BY digest LIMIT $5) AS page
         WINDOW up_to_here AS (ORDER BY digest)) AS summed
       WHERE place = 1 OR bytes <= $6 ORDER BY digest`,
      repository,
      subject,
      page.after ?? '',
      page.artifactTypes,
      page.limit,
      page.maxBytes,
    );
    return rows.map((row) => referrerOf(row));
  }

  async usage(): Promise<RepositoryUsage[]> {
    const rows = await this.#db.all(
      `SELECT name, pushed_at, pulled_at,
         (SELECT coalesce(sum(size), 0) FROM blobs WHERE repository_id = r.id) AS blob_bytes,
         (SELECT coalesce(sum(size), 0) FROM manifests WHERE repository_id = r.id) AS manifest_bytes,
         (SELECT count(*) FROM manifests WHERE repository_id = r.id) AS manifests,
         (SELECT count(*) FROM tags WHERE repository_id = r.id) AS tags
       FROM repositories r ORDER BY name`,
    );
    return rows.map(usageOf);
  }

  async bytesIn(repositories: readonly RepositoryName[]): Promise<number> {
    const row = await this.#db.get(
      `SELECT coalesce(sum(size), 0) AS bytes FROM (
         SELECT max(b.size) AS size FROM repositories r JOIN blobs b ON b.repository_id = r.id
         WHERE r.name = ANY ($1) GROUP BY b.canonical) AS once`,
      repositories,
    );
    return Number(row?.bytes);
  }

  async tagUses(repository: RepositoryName): Promise<TagUse[]> {
    const sql = `SELECT name, digest, tagged_at, pulled_at FROM tags WHERE repository_id = ${REPOSITORY} ORDER BY name`;
    return (await this.#db.all(sql, repository)).map((row) => ({
      tag: row.name as Tag,
      digest: row.digest as Digest,
      taggedAt: new Date(Number(row.tagged_at)),
      pulledAt: timeOf(row.pulled_at),
    }));
  }

  async manifestUses(repositories: readonly RepositoryName[], digest?: Digest): Promise<ManifestUse[]> {
    const rows = await this.#db.all(
      `SELECT r.name, m.digest, greatest(m.pushed_at, coalesce(m.pulled_at, h.since), (
         SELECT max(p.pulled_at) FROM manifest_references x
         JOIN manifests p ON p.repository_id = x.repository_id AND p.digest = x.manifest
         WHERE x.repository_id = m.repository_id AND x.target = m.digest AND x.kind = 'child')) AS used_at
       FROM repositories r JOIN manifests m ON m.repository_id = r.id CROSS JOIN history h
       WHERE r.name = ANY ($1) ${digest === undefined ? '' : 'AND m.digest = $2'} ORDER BY used_at, r.name, m.digest`,
      repositories,
      ...(digest === undefined ? [] : [digest]),
    );
    return rows.map((row) => ({
      repository: row.name as RepositoryName,
      digest: row.digest as Digest,
      usedAt: new Date(Number(row.used_at)),
    }));
  }

  async #hasTagAfter(repository: RepositoryName, tag: Tag): Promise<boolean> {
    const sql = `SELECT 1 FROM tags WHERE repository_id = ${REPOSITORY} AND name > $2 LIMIT 1`;
    return (await this.#db.get(sql, repository, tag)) !== undefined;
  }
}
