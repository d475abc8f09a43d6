import type { Digest, RepositoryName } from '../../oci/index.js';
import type {
  ContentUse,
  Part,
  PushPlace,
  TrashRecord,
  Unneeded,
  UnreadableLink,
  Untagged,
  UseCount,
} from '../metadata-index.js';
import { useCountOf, useOf } from '../rows.js';
import { type Database, REPOSITORY } from './database.js';

/** SQL: what a manifest `a` is about, and what is about it. */
const BESIDE = `SELECT m.subject FROM manifests m
    WHERE m.repository_id = (SELECT value FROM id) AND m.digest = a.digest AND m.subject IS NOT NULL
  UNION ALL SELECT m.digest FROM manifests m
    WHERE m.repository_id = (SELECT value FROM id) AND m.subject = a.digest`;

/** What nothing leads to any more. MetadataIndex says what each promises. */
export class Garbage {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async touchBlob(repository: RepositoryName, digest: Digest, at: Date): Promise<boolean> {
    const sql = `UPDATE blobs SET linked_at = $3 WHERE repository_id = ${REPOSITORY} AND digest = $2`;
    return (await this.#db.run(sql, repository, digest, at.getTime())) > 0;
  }

  async unneededBlobs(repository: RepositoryName, { before, limit, after }: Unneeded): Promise<Part<Digest>> {
    const found = await this.#db.column(
      `SELECT digest FROM blobs b WHERE repository_id = ${REPOSITORY} AND digest > $4 AND linked_at < $2
       AND NOT EXISTS (SELECT 1 FROM manifest_references r
         WHERE r.repository_id = b.repository_id AND r.target = b.digest)
       AND NOT EXISTS (SELECT 1 FROM blobs other
         JOIN manifest_references r ON r.repository_id = other.repository_id AND r.target = other.digest
         WHERE other.repository_id = b.repository_id AND other.canonical = b.digest AND other.canonical <> other.digest)
       AND NOT EXISTS (SELECT 1 FROM trash_references t WHERE t.repository = $1 AND t.target = b.digest)
       AND NOT EXISTS (SELECT 1 FROM blobs other
         JOIN trash_references t ON t.repository = $1 AND t.target = other.digest
         WHERE other.repository_id = b.repository_id AND other.canonical = b.digest AND other.canonical <> other.digest)
       ORDER BY digest LIMIT $3`,
      repository,
      before.getTime(),
      limit,
      after ?? '',
    );
    const digests = found as Digest[];
    return { digests, next: digests.length < limit ? undefined : digests.at(-1) };
  }

  /** All in one part, which holds nobody up here: no other is asked for. */
  async untaggedManifests(repository: RepositoryName, { before }: Untagged): Promise<Part<PushPlace>> {
    const digests = await this.#db.column(
      `SELECT digest FROM manifests m WHERE repository_id = ${REPOSITORY} AND pushed_at < $2
       AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest)
       ORDER BY pushed_at, digest`,
      repository,
      before.getTime(),
    );
    return { digests: digests as Digest[], next: undefined };
  }

  /**
   * Single values and arrays in place of EXISTS: those would be looked up in tables made of all tags and manifests, since
   * what the recursion finds is taken for millions of rows.
   */
  async unneededManifests(
    repository: RepositoryName,
    digests: readonly Digest[],
    before: Date,
  ): Promise<Digest[]> {
    const unneeded = await this.#db.column(
      `WITH RECURSIVE id(value) AS (SELECT ${REPOSITORY}),
       asked AS (SELECT digest COLLATE "C" AS digest, place FROM unnest($2::text[]) WITH ORDINALITY AS given(digest, place)),
       above(digest) AS (
         SELECT digest FROM asked
         UNION SELECT next.digest FROM above a CROSS JOIN LATERAL (
           SELECT r.manifest AS digest FROM manifest_references r
             WHERE r.repository_id = (SELECT value FROM id) AND r.target = a.digest AND r.kind = 'child'
           UNION ALL ${BESIDE}) next
       ),
       needed(digest) AS (
         SELECT digest COLLATE "C" FROM unnest(ARRAY(SELECT digest FROM above)) AS a(digest)
           WHERE (SELECT 1 FROM tags t
             WHERE t.repository_id = (SELECT value FROM id) AND t.digest = a.digest LIMIT 1) IS NOT NULL
           OR (SELECT greatest(m.pushed_at, m.pulled_at) >= $3 FROM manifests m
             WHERE m.repository_id = (SELECT value FROM id) AND m.digest = a.digest)
           OR (SELECT 1 FROM trash_references t
             WHERE t.repository = $1 AND t.target = a.digest LIMIT 1) IS NOT NULL
         UNION SELECT next.digest FROM needed a CROSS JOIN LATERAL (
           SELECT r.target AS digest FROM manifest_references r
             WHERE r.repository_id = (SELECT value FROM id) AND r.manifest = a.digest AND r.kind = 'child'
           UNION ALL ${BESIDE}) next
       )
       SELECT digest FROM asked a WHERE a.digest <> ALL (ARRAY(SELECT digest FROM needed))
       AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = (SELECT value FROM id) AND m.digest = a.digest)
       ORDER BY place`,
      repository,
      digests,
      before.getTime(),
    );
    return unneeded as Digest[];
  }

  async unlinked(canonicals: readonly Digest[]): Promise<Digest[]> {
    const digests = await this.#db.column(
      `SELECT value FROM unnest($1::text[]) WITH ORDINALITY AS asked(value, place) WHERE
       NOT EXISTS (SELECT 1 FROM blobs WHERE digest = value)
       AND NOT EXISTS (SELECT 1 FROM blobs WHERE canonical = value AND canonical <> digest)
       AND NOT EXISTS (SELECT 1 FROM manifests WHERE canonical = value)
       AND NOT EXISTS (SELECT 1 FROM trash WHERE canonical = value)
       ORDER BY place`,
      canonicals,
    );
    return digests as Digest[];
  }

  async unreadableLinks(): Promise<UnreadableLink[]> {
    const rows = await this.#db.all(
      'SELECT name, path FROM unreadable_links u JOIN repositories r ON r.id = u.repository_id ORDER BY path',
    );
    return rows.map((row) => ({ repository: row.name as RepositoryName, path: String(row.path) }));
  }

  async usesOf(canonical: Digest): Promise<ContentUse[]> {
    const rows = await this.#db.all(
      `SELECT r.name, u.digest, u.kind FROM (
         SELECT repository_id, digest, 'blob' AS kind FROM blobs WHERE digest = $1 AND canonical = $1
         UNION ALL SELECT repository_id, digest, 'blob' FROM blobs WHERE canonical = $1 AND canonical <> digest
         UNION ALL SELECT repository_id, digest, 'manifest' FROM manifests WHERE canonical = $1
       ) u JOIN repositories r ON r.id = u.repository_id
       UNION SELECT repository, canonical, 'manifest' FROM trash WHERE canonical = $1 ORDER BY 1, 2, 3`,
      canonical,
    );
    return rows.map((row) => useOf(row));
  }

  async countUses(canonicals: readonly Digest[]): Promise<UseCount[]> {
    const rows = await this.#db.all(
      `SELECT canonical, digest, 'blob' AS kind, count(*) AS count FROM unnest($1::text[]) AS asked(value)
         CROSS JOIN blobs WHERE digest = value AND canonical = value GROUP BY 1, 2
       UNION ALL SELECT canonical, digest, 'blob', count(*) FROM unnest($1::text[]) AS asked(value)
         CROSS JOIN blobs WHERE canonical = value AND canonical <> digest GROUP BY 1, 2
       UNION ALL SELECT canonical, digest, 'manifest', count(*) FROM unnest($1::text[]) AS asked(value)
         CROSS JOIN manifests WHERE canonical = value GROUP BY 1, 2
       UNION ALL SELECT canonical, canonical, 'manifest', count(*) FROM unnest($1::text[]) AS asked(value)
         CROSS JOIN trash WHERE canonical = value GROUP BY 1`,
      canonicals,
    );
    return rows.map((row) => useCountOf(row));
  }

  async putTrash({ id, repository, digest, canonical, references }: TrashRecord): Promise<void> {
    await this.#db.run(
      `WITH entry AS (
         INSERT INTO trash (id, repository, canonical) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING)
       INSERT INTO trash_references (repository, target, id) SELECT $2, target, $1 FROM unnest($4::text[]) AS target
       ON CONFLICT DO NOTHING`,
      id,
      repository,
      canonical,
      [digest, ...references],
    );
  }

  async dropTrash(id: string): Promise<void> {
    await this.#db.run(
      `WITH entry AS (DELETE FROM trash WHERE id = $1 RETURNING repository)
       DELETE FROM trash_references t USING entry WHERE t.repository = entry.repository AND t.id = $1`,
      id,
    );
  }

  async trashIds(): Promise<Set<string>> {
    return new Set((await this.#db.column('SELECT id FROM trash')) as string[]);
  }
}
