import type { Digest, RepositoryName, Tag } from '../../oci/index.js';
import type {
  BlobRecord,
  ContentUse,
  ManifestKey,
  ManifestRecord,
  ManifestUse,
  MetadataIndex,
  Page,
  Part,
  PendingDelete,
  Pull,
  PushPlace,
  Referrer,
  ReferrersPage,
  RepositoryChanges,
  RepositoryContents,
  RepositoryUsage,
  StoredManifest,
  TagList,
  TagUse,
  TrashRecord,
  Unneeded,
  UnreadableLink,
  Untagged,
  UseCount,
} from '../metadata-index.js';
import { ComparisonState } from './comparison-state.js';
import { Database, REPOSITORY } from './database.js';
import { DeleteJournal } from './delete-journal.js';
import { Garbage } from './garbage.js';
import { Jobs } from './jobs.js';
import { Lists } from './lists.js';
import { digestsOf, packed, packedList, textOf, unpacked } from './packed-digest.js';
import { RepositoryRows } from './repository-rows.js';

/** The index of one machine. Rows hold only values that were typed when they were written: hence the casts. */
export class SqliteIndex implements MetadataIndex {
  readonly jobs: Jobs;
  readonly comparison: ComparisonState;
  readonly #db: Database;
  readonly #rows: RepositoryRows;
  readonly #lists: Lists;
  readonly #journal: DeleteJournal;
  readonly #garbage: Garbage;

  /** @param path a file, or `:memory:`. @param options `shared`: other processes serve with the same file. */
  constructor(path: string, options: { shared: boolean } = { shared: false }) {
    this.#db = new Database(path, options);
    this.#rows = new RepositoryRows(this.#db);
    this.#lists = new Lists(this.#db);
    this.#journal = new DeleteJournal(this.#db);
    this.#garbage = new Garbage(this.#db);
    this.jobs = new Jobs(this.#db);
    this.comparison = new ComparisonState(this.#db);
  }

  get generation(): number {
    return this.#db.replaced;
  }

  async findBlob(repository: RepositoryName, digest: Digest): Promise<BlobRecord | undefined> {
    const row = this.#db.first(
      `SELECT ${textOf('canonical')}, size, linked_at FROM blobs WHERE repository_id = ${REPOSITORY} AND digest = ?2`,
      repository,
      packed(digest),
    );
    if (row === undefined) return undefined;
    const [canonical, size, linkedAt] = row;
    return {
      digest,
      canonical: canonical as Digest,
      size: Number(size),
      linkedAt: new Date(Number(linkedAt)),
    };
  }

  async repositoriesWithBlob(digest: Digest, page: Page & { prefix?: string }): Promise<RepositoryName[]> {
    return this.#lists.repositoriesWithBlob(digest, page);
  }

  async findManifest(repository: RepositoryName, key: ManifestKey): Promise<StoredManifest | undefined> {
    const row =
      'digest' in key
        ? this.#db.first(
            `SELECT ${textOf('digest')}, media_type, bytes FROM manifests
             WHERE repository_id = ${REPOSITORY} AND digest = ?2`,
            repository,
            packed(key.digest),
          )
        : this.#db.first(
            `SELECT ${textOf('m.digest')}, m.media_type, m.bytes FROM tags t
             JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
             WHERE t.repository_id = ${REPOSITORY} AND t.name = ?2`,
            repository,
            key.tag,
          );
    if (row === undefined) return undefined;
    const [digest, mediaType, bytes] = row;
    return { digest: digest as Digest, mediaType: String(mediaType), bytes: bytes as Uint8Array };
  }

  async findTag(repository: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    const sql = `SELECT digest FROM tags WHERE repository_id = ${REPOSITORY} AND name = ?2`;
    const row = this.#db.get(sql, repository, tag);
    return row && unpacked(row.digest);
  }

  async missing(repository: RepositoryName, digests: readonly Digest[]): Promise<Digest[]> {
    const missing = this.#db.column(
      `WITH id(value) AS (SELECT ${REPOSITORY}), asked AS MATERIALIZED (${digestsOf('?2')})
       SELECT digest FROM asked WHERE
       NOT EXISTS (SELECT 1 FROM blobs b WHERE b.repository_id = (SELECT value FROM id) AND b.digest = asked.digest)
       AND NOT EXISTS (
         SELECT 1 FROM manifests m WHERE m.repository_id = (SELECT value FROM id) AND m.digest = asked.digest)
       ORDER BY place`,
      repository,
      packedList(digests),
    );
    return missing.map(unpacked);
  }

  async isReferenced(repository: RepositoryName, digest: Digest): Promise<boolean> {
    const sql = `SELECT 1 FROM manifest_references WHERE repository_id = ${REPOSITORY} AND target = ?2 LIMIT 1`;
    return this.#db.get(sql, repository, packed(digest)) !== undefined;
  }

  async isReferencedSince(repository: RepositoryName, digest: Digest, since: Date): Promise<boolean> {
    const sql = `SELECT 1 FROM manifests m WHERE repository_id = ${REPOSITORY} AND pushed_at >= ?3
      AND (subject = ?2 OR EXISTS (SELECT 1 FROM manifest_references r
        WHERE r.manifest_id = m.id AND r.target = ?2)) LIMIT 1`;
    return this.#db.get(sql, repository, packed(digest), since.getTime()) !== undefined;
  }

  async hasManifests(repository: RepositoryName): Promise<boolean> {
    const sql = `SELECT 1 FROM manifests WHERE repository_id = ${REPOSITORY} LIMIT 1`;
    return this.#db.get(sql, repository) !== undefined;
  }

  async listRepositories(page: Page & { containing?: string }): Promise<RepositoryName[]> {
    return this.#lists.repositories(page);
  }

  async listTags(repository: RepositoryName, page: Page): Promise<TagList> {
    return this.#lists.tags(repository, page);
  }

  async listReferrers(repository: RepositoryName, subject: Digest, page: ReferrersPage): Promise<Referrer[]> {
    return this.#lists.referrers(repository, subject, page);
  }

  async usage(): Promise<RepositoryUsage[]> {
    return this.#lists.usage();
  }

  async bytesIn(repositories: readonly RepositoryName[]): Promise<number> {
    return this.#lists.bytesIn(repositories);
  }

  async pullsKnownSince(): Promise<Date> {
    return new Date(Number(this.#db.get('SELECT since FROM history')?.since));
  }

  async tagUses(repository: RepositoryName): Promise<TagUse[]> {
    return this.#lists.tagUses(repository);
  }

  async manifestUses(repositories: readonly RepositoryName[], digest?: Digest): Promise<ManifestUse[]> {
    return this.#lists.manifestUses(repositories, digest);
  }

  async touchBlob(repository: RepositoryName, digest: Digest, at: Date): Promise<boolean> {
    return this.#garbage.touchBlob(repository, digest, at);
  }

  async unneededBlobs(repository: RepositoryName, unneeded: Unneeded): Promise<Part<Digest>> {
    return this.#garbage.unneededBlobs(repository, unneeded);
  }

  async untaggedManifests(repository: RepositoryName, untagged: Untagged): Promise<Part<PushPlace>> {
    return this.#garbage.untaggedManifests(repository, untagged);
  }

  async unneededManifests(
    repository: RepositoryName,
    digests: readonly Digest[],
    before: Date,
  ): Promise<Digest[]> {
    return this.#garbage.unneededManifests(repository, digests, before);
  }

  async unlinked(canonicals: readonly Digest[]): Promise<Digest[]> {
    return this.#garbage.unlinked(canonicals);
  }

  async unreadableLinks(): Promise<UnreadableLink[]> {
    return this.#garbage.unreadableLinks();
  }

  async usesOf(canonical: Digest): Promise<ContentUse[]> {
    return this.#garbage.usesOf(canonical);
  }

  async countUses(canonicals: readonly Digest[]): Promise<UseCount[]> {
    return this.#garbage.countUses(canonicals);
  }

  async putTrash(trash: TrashRecord): Promise<void> {
    this.#garbage.putTrash(trash);
  }

  async dropTrash(id: string): Promise<void> {
    this.#garbage.dropTrash(id);
  }

  async trashIds(): Promise<Set<string>> {
    return this.#garbage.trashIds();
  }

  async beginDeletes(
    repository: RepositoryName,
    keys: readonly ManifestKey[],
    begunAt: Date,
  ): Promise<readonly PendingDelete[]> {
    return this.#db.transaction(() => keys.map((key) => this.#journal.begin(repository, key, begunAt)));
  }

  async endDeletes(pending: readonly PendingDelete[]): Promise<void> {
    this.#db.transaction(() => {
      for (const each of pending) this.#journal.end(each);
    });
  }

  async pendingDeletes(): Promise<PendingDelete[]> {
    return this.#journal.pending();
  }

  async putBlob(repository: RepositoryName, blob: BlobRecord): Promise<void> {
    this.#change(repository, (id) => this.#rows.insertBlob(id, blob));
  }

  async dropBlobs(repository: RepositoryName, digests: readonly Digest[]): Promise<void> {
    this.#change(repository, (id) => this.#rows.deleteBlobs(id, digests));
  }

  async putManifest(
    repository: RepositoryName,
    manifest: ManifestRecord,
    tags: readonly Tag[],
  ): Promise<void> {
    this.#change(repository, (id) => {
      this.#rows.insertManifest(id, manifest);
      for (const tag of tags)
        this.#rows.insertTag(id, { tag, digest: manifest.digest, taggedAt: manifest.pushedAt });
      this.#db.run('UPDATE repositories SET pushed_at = ?2 WHERE id = ?1', id, manifest.pushedAt.getTime());
    });
  }

  async dropManifests(repository: RepositoryName, digests: readonly Digest[]): Promise<void> {
    this.#change(repository, (id) => {
      this.#rows.deleteTagsOn(id, digests);
      this.#rows.deleteManifests(id, digests);
    });
  }

  async tagsOf(repository: RepositoryName, digest: Digest): Promise<Tag[]> {
    const rows = this.#db.all(
      `SELECT name FROM tags WHERE repository_id = ${REPOSITORY} AND digest = ?2 ORDER BY name`,
      repository,
      packed(digest),
    );
    return rows.map((row) => row.name as Tag);
  }

  async dropTag(repository: RepositoryName, tag: Tag): Promise<void> {
    this.#change(repository, (id) => this.#rows.deleteTag(id, tag));
  }

  async recordPulls(pulls: readonly Pull[]): Promise<void> {
    this.#db.transaction(() => {
      for (const { repository, key, at } of pulls) this.#rows.recordPull(repository, key, at.getTime());
    });
  }

  async contents(repository: RepositoryName): Promise<RepositoryContents> {
    return this.#db.transaction(() => {
      const blobs = this.#db.column(
        `SELECT digest FROM blobs WHERE repository_id = ${REPOSITORY}`,
        repository,
      );
      const manifests = this.#db.column(
        `SELECT digest FROM manifests WHERE repository_id = ${REPOSITORY}`,
        repository,
      );
      const tags = this.#db.all(
        `SELECT name, digest FROM tags WHERE repository_id = ${REPOSITORY}`,
        repository,
      );
      const unreadable = this.#db.column(
        `SELECT path FROM unreadable_links WHERE repository_id = ${REPOSITORY}`,
        repository,
      );
      return {
        version: this.#rows.versionOf(repository),
        blobs: new Set(blobs.map(unpacked)),
        manifests: new Set(manifests.map(unpacked)),
        tags: new Map(tags.map((row) => [row.name as Tag, unpacked(row.digest)])),
        unreadable: new Set(unreadable.map(String)),
      };
    });
  }

  async applyChanges(
    repository: RepositoryName,
    changes: RepositoryChanges,
    version: number,
  ): Promise<boolean> {
    return this.#db.transaction(() => {
      if (this.#rows.versionOf(repository) !== version) return false;
      const id = this.#rows.touch(repository);
      for (const blob of changes.putBlobs) this.#rows.insertBlob(id, blob);
      this.#rows.deleteBlobs(id, changes.dropBlobs);
      for (const manifest of changes.putManifests) this.#rows.insertManifest(id, manifest);
      this.#rows.deleteManifests(id, changes.dropManifests);
      for (const tag of changes.putTags) this.#rows.insertTag(id, tag);
      for (const tag of changes.dropTags) this.#rows.deleteTag(id, tag);
      if (changes.unreadable) this.#rows.setUnreadable(id, changes.unreadable);
      this.#db.run(
        `UPDATE repositories SET pushed_at = coalesce(pushed_at,
           (SELECT max(pushed_at) FROM manifests WHERE repository_id = ?1)) WHERE id = ?1`,
        id,
      );
      return true;
    });
  }

  async versions(): Promise<ReadonlyMap<RepositoryName, number>> {
    const rows = this.#db.all('SELECT name, version FROM repositories');
    return new Map(rows.map((row) => [row.name as RepositoryName, Number(row.version)]));
  }

  async allRepositories(): Promise<RepositoryName[]> {
    return this.#db
      .all('SELECT name FROM repositories ORDER BY name')
      .map((row) => row.name as RepositoryName);
  }

  async check(): Promise<void> {
    this.#db.replaceIfGone();
    this.#db.get('SELECT count(*) FROM pending_deletes');
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #change(repository: RepositoryName, change: (id: number) => void): void {
    this.#db.transaction(() => change(this.#rows.touch(repository)));
  }
}
