import type { Digest, RepositoryName } from '../../oci/index.js';
import type { SQLInputValue } from '../../sqlite/index.js';
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
import { digestsOf, packed, packedList, unpacked } from './packed-digest.js';

/** How much of a repository is looked at in one go, however little of it is found: nobody is answered meanwhile. */
const ROWS_PER_PART = 1000;
/** Behind every packed digest. */
const BEHIND_ALL = Buffer.alloc(33, 0xff);

/** What nothing leads to any more. MetadataIndex says what each promises. */
export class Garbage {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  touchBlob(repository: RepositoryName, digest: Digest, at: Date): boolean {
    const sql = `UPDATE blobs SET linked_at = ?3 WHERE repository_id = ${REPOSITORY} AND digest = ?2`;
    return this.#db.run(sql, repository, packed(digest), at.getTime()).changes > 0;
  }

  unneededBlobs(repository: RepositoryName, { before, limit, after }: Unneeded): Part<Digest> {
    const begin = after === undefined ? '' : packed(after);
    const [end] = this.#db.column(
      `SELECT digest FROM blobs WHERE repository_id = ${REPOSITORY} AND digest > ?2
       ORDER BY digest LIMIT 1 OFFSET ${ROWS_PER_PART - 1}`,
      repository,
      begin,
    );
    const found = this.#db.column(
      `SELECT digest FROM blobs b WHERE repository_id = ${REPOSITORY} AND digest > ?4 AND digest <= ?5 AND linked_at < ?2
       AND NOT EXISTS (SELECT 1 FROM manifest_references r
         WHERE r.repository_id = b.repository_id AND r.target = b.digest)
       AND NOT EXISTS (SELECT 1 FROM blobs other
         JOIN manifest_references r ON r.repository_id = other.repository_id AND r.target = other.digest
         WHERE other.repository_id = b.repository_id AND other.canonical = b.digest AND other.canonical <> other.digest)
       AND NOT EXISTS (SELECT 1 FROM trash_references t WHERE t.repository = ?1 AND t.target = b.digest)
       AND NOT EXISTS (SELECT 1 FROM blobs other
         JOIN trash_references t ON t.repository = ?1 AND t.target = other.digest
         WHERE other.repository_id = b.repository_id AND other.canonical = b.digest AND other.canonical <> other.digest)
       ORDER BY digest LIMIT ?3 + 0`,
      repository,
      before.getTime(),
      limit,
      begin,
      (end ?? BEHIND_ALL) as SQLInputValue,
    );
    const digests = found.map(unpacked);
    const endOfPart = end === undefined ? undefined : unpacked(end);
    return { digests, next: digests.length < limit ? endOfPart : digests.at(-1) };
  }

  untaggedManifests(repository: RepositoryName, { before, after }: Untagged): Part<PushPlace> {
    const begin = after ? [after.pushedAt.getTime(), packed(after.digest)] : [Number.MIN_SAFE_INTEGER, ''];
    const last = this.#db.get(
      `SELECT pushed_at, digest FROM manifests WHERE repository_id = ${REPOSITORY}
       AND pushed_at < ?2 AND (pushed_at, digest) > (?3, ?4)
       ORDER BY pushed_at, digest LIMIT 1 OFFSET ${ROWS_PER_PART - 1}`,
      repository,
      before.getTime(),
      ...begin,
    );
    const next = last && { pushedAt: new Date(Number(last.pushed_at)), digest: unpacked(last.digest) };
    const end = next ? [next.pushedAt.getTime(), packed(next.digest)] : [before.getTime(), ''];
    const digests = this.#db.column(
      `SELECT digest FROM manifests m WHERE repository_id = ${REPOSITORY}
       AND (pushed_at, digest) > (?2, ?3) AND (pushed_at, digest) <= (?4, ?5)
       AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest)
       ORDER BY pushed_at, digest`,
      repository,
      ...begin,
      ...end,
    );
    return { digests: digests.map(unpacked), next };
  }

  /** CROSS says that what a step begins with comes first: the other way round each would go through all of a repository. */
  unneededManifests(repository: RepositoryName, digests: readonly Digest[], before: Date): Digest[] {
    const unneeded = this.#db.column(
      `WITH RECURSIVE id(value) AS (SELECT ${REPOSITORY}), asked AS (${digestsOf('?2')}),
       above(digest) AS (
         SELECT digest FROM asked
         UNION SELECT m.digest FROM above a CROSS JOIN manifest_references r
           ON r.repository_id = (SELECT value FROM id) AND r.target = a.digest AND r.kind = 'child'
           CROSS JOIN manifests m ON m.id = r.manifest_id
         UNION SELECT m.subject FROM above a CROSS JOIN manifests m
           ON m.repository_id = (SELECT value FROM id) AND m.digest = a.digest WHERE m.subject IS NOT NULL
         UNION SELECT m.digest FROM above a CROSS JOIN manifests m
           ON m.repository_id = (SELECT value FROM id) AND m.subject = a.digest
       ),
       needed(digest) AS (
         SELECT digest FROM above a
           WHERE EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = (SELECT value FROM id) AND t.digest = a.digest)
           OR EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = (SELECT value FROM id) AND m.digest = a.digest
             AND max(m.pushed_at, coalesce(m.pulled_at, 0)) >= ?3)
           OR EXISTS (SELECT 1 FROM trash_references t WHERE t.repository = ?1 AND t.target = a.digest)
         UNION SELECT r.target FROM needed n CROSS JOIN manifests m
           ON m.repository_id = (SELECT value FROM id) AND m.digest = n.digest
           CROSS JOIN manifest_references r ON r.manifest_id = m.id AND r.kind = 'child'
         UNION SELECT m.subject FROM needed n CROSS JOIN manifests m
           ON m.repository_id = (SELECT value FROM id) AND m.digest = n.digest WHERE m.subject IS NOT NULL
         UNION SELECT m.digest FROM needed n CROSS JOIN manifests m
           ON m.repository_id = (SELECT value FROM id) AND m.subject = n.digest
       )
       SELECT digest FROM asked a WHERE digest NOT IN (SELECT digest FROM needed)
       AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = (SELECT value FROM id) AND m.digest = a.digest)
       ORDER BY place`,
      repository,
      packedList(digests),
      before.getTime(),
    );
    return unneeded.map(unpacked);
  }

  unlinked(canonicals: readonly Digest[]): Digest[] {
    const places = this.#db.column(
      `WITH asked AS MATERIALIZED (${digestsOf('?1')})
       SELECT place FROM asked WHERE
       NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = asked.digest)
       AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.canonical = asked.digest AND b.canonical <> b.digest)
       AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.canonical = asked.digest)
       AND NOT EXISTS (SELECT 1 FROM trash t WHERE t.canonical = asked.digest)
       ORDER BY place`,
      packedList(canonicals),
    );
    return places.map((place) => canonicals[Number(place)] as Digest);
  }

  unreadableLinks(): UnreadableLink[] {
    const rows = this.#db.all(
      'SELECT name, path FROM unreadable_links u JOIN repositories r ON r.id = u.repository_id ORDER BY path',
    );
    return rows.map((row) => ({ repository: row.name as RepositoryName, path: String(row.path) }));
  }

  usesOf(canonical: Digest): ContentUse[] {
    const rows = this.#db.all(
      `SELECT r.name, u.digest, u.kind FROM (
         SELECT repository_id, digest, 'blob' AS kind FROM blobs WHERE digest = ?1 AND canonical = ?1
         UNION ALL SELECT repository_id, digest, 'blob' FROM blobs WHERE canonical = ?1 AND canonical <> digest
         UNION ALL SELECT repository_id, digest, 'manifest' FROM manifests WHERE canonical = ?1
       ) u JOIN repositories r ON r.id = u.repository_id
       UNION SELECT repository, canonical, 'manifest' FROM trash WHERE canonical = ?1 ORDER BY 1, 2, 3`,
      packed(canonical),
    );
    return rows.map((row) => useOf(row, unpacked));
  }

  countUses(canonicals: readonly Digest[]): UseCount[] {
    const rows = this.#db.all(
      `WITH asked(value) AS MATERIALIZED (SELECT digest FROM (${digestsOf('?1')}))
       SELECT canonical, digest, 'blob' AS kind, count(*) AS count FROM asked
         CROSS JOIN blobs WHERE digest = value AND canonical = value GROUP BY 1, 2
       UNION ALL SELECT canonical, digest, 'blob', count(*) FROM asked
         CROSS JOIN blobs WHERE canonical = value AND canonical <> digest GROUP BY 1, 2
       UNION ALL SELECT canonical, digest, 'manifest', count(*) FROM asked
         CROSS JOIN manifests WHERE canonical = value GROUP BY 1, 2
       UNION ALL SELECT canonical, canonical, 'manifest', count(*) FROM asked
         CROSS JOIN trash WHERE canonical = value GROUP BY 1`,
      packedList(canonicals),
    );
    return rows.map((row) => useCountOf(row, unpacked));
  }

  putTrash({ id, repository, digest, canonical, references }: TrashRecord): void {
    this.#db.transaction(() => {
      this.#db.run(
        'INSERT OR IGNORE INTO trash (id, repository, canonical) VALUES (?1, ?2, ?3)',
        id,
        repository,
        packed(canonical),
      );
      for (const target of [digest, ...references]) {
        this.#db.run(
          'INSERT OR IGNORE INTO trash_references (repository, target, id) VALUES (?1, ?2, ?3)',
          repository,
          packed(target),
          id,
        );
      }
    });
  }

  dropTrash(id: string): void {
    this.#db.transaction(() => {
      const repository = this.#db.get('SELECT repository FROM trash WHERE id = ?1', id)?.repository;
      if (repository === undefined) return;
      this.#db.run('DELETE FROM trash_references WHERE repository = ?1 AND id = ?2', String(repository), id);
      this.#db.run('DELETE FROM trash WHERE id = ?1', id);
    });
  }

  trashIds(): Set<string> {
    return new Set(this.#db.column('SELECT id FROM trash') as string[]);
  }
}
