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
import type { PostgresOptions } from './options.js';
import { recordPulls } from './pulls.js';
import { blobValues, manifestValues, PUT_BLOB, PUT_MANIFEST, RepositoryRows } from './repository-rows.js';
import { createTables } from './schema.js';

/**
 * The index of any number of servers. Nothing is asked of the database before it is needed: it may start later than they do.
 * Rows hold only values that were typed when they were written: hence the casts.
 */
export class PostgresIndex implements MetadataIndex {
  readonly jobs: Jobs;
  readonly comparison: ComparisonState;
  readonly #db: Database;
  readonly #lists: Lists;
  readonly #journal: DeleteJournal;
  readonly #garbage: Garbage;

  /** @throws {TypeError} the URL is none. */
  constructor(options: PostgresOptions) {
    this.#db = new Database(options, {
      deleted: 'the index was deleted and is made anew',
      create: (client, broken) => createTables(client, options, broken),
    });
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
    const row = await this.#db.get(
      `SELECT canonical, size, linked_at FROM blobs WHERE repository_id = ${REPOSITORY} AND digest = $2`,
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

  repositoriesWithBlob(digest: Digest, page: Page & { prefix?: string }): Promise<RepositoryName[]> {
    return this.#lists.repositoriesWithBlob(digest, page);
  }

  async findManifest(repository: RepositoryName, key: ManifestKey): Promise<StoredManifest | undefined> {
    const row =
      'digest' in key
        ? await this.#db.get(
            `SELECT digest, media_type, bytes FROM manifests WHERE repository_id = ${REPOSITORY} AND digest = $2`,
            repository,
            key.digest,
          )
        : await this.#db.get(
            `SELECT m.digest, m.media_type, m.bytes FROM tags t
             JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
             WHERE t.repository_id = ${REPOSITORY} AND t.name = $2`,
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
    const sql = `SELECT digest FROM tags WHERE repository_id = ${REPOSITORY} AND name = $2`;
    return (await this.#db.get(sql, repository, tag))?.digest as Digest | undefined;
  }

  async missing(repository: RepositoryName, digests: readonly Digest[]): Promise<Digest[]> {
    const missing = await this.#db.column(
      `SELECT value FROM unnest($2::text[]) WITH ORDINALITY AS asked(value, place) WHERE
       NOT EXISTS (SELECT 1 FROM blobs WHERE repository_id = ${REPOSITORY} AND digest = value)
       AND NOT EXISTS (SELECT 1 FROM manifests WHERE repository_id = ${REPOSITORY} AND digest = value)
       ORDER BY place`,
      repository,
      digests,
    );
    return missing as Digest[];
  }

  async isReferenced(repository: RepositoryName, digest: Digest): Promise<boolean> {
    const sql = `SELECT 1 FROM manifest_references WHERE repository_id = ${REPOSITORY} AND target = $2 LIMIT 1`;
    return (await this.#db.get(sql, repository, digest)) !== undefined;
  }

  async isReferencedSince(repository: RepositoryName, digest: Digest, since: Date): Promise<boolean> {
    const sql = `SELECT 1 FROM manifests m WHERE repository_id = ${REPOSITORY} AND pushed_at >= $3
      AND (subject = $2 OR EXISTS (SELECT 1 FROM manifest_references r
        WHERE r.repository_id = m.repository_id AND r.manifest = m.digest AND r.target = $2)) LIMIT 1`;
    return (await this.#db.get(sql, repository, digest, since.getTime())) !== undefined;
  }

  async hasManifests(repository: RepositoryName): Promise<boolean> {
    const sql = `SELECT 1 FROM manifests WHERE repository_id = ${REPOSITORY} LIMIT 1`;
    return (await this.#db.get(sql, repository)) !== undefined;
  }

  listRepositories(page: Page & { containing?: string }): Promise<RepositoryName[]> {
    return this.#lists.repositories(page);
  }

  listTags(repository: RepositoryName, page: Page): Promise<TagList> {
    return this.#lists.tags(repository, page);
  }

  listReferrers(repository: RepositoryName, subject: Digest, page: ReferrersPage): Promise<Referrer[]> {
    return this.#lists.referrers(repository, subject, page);
  }

  usage(): Promise<RepositoryUsage[]> {
    return this.#lists.usage();
  }

  bytesIn(repositories: readonly RepositoryName[]): Promise<number> {
    return this.#lists.bytesIn(repositories);
  }

  async pullsKnownSince(): Promise<Date> {
    return new Date(Number((await this.#db.get('SELECT since FROM history'))?.since));
  }

  tagUses(repository: RepositoryName): Promise<TagUse[]> {
    return this.#lists.tagUses(repository);
  }

  manifestUses(repositories: readonly RepositoryName[], digest?: Digest): Promise<ManifestUse[]> {
    return this.#lists.manifestUses(repositories, digest);
  }

  touchBlob(repository: RepositoryName, digest: Digest, at: Date): Promise<boolean> {
    return this.#garbage.touchBlob(repository, digest, at);
  }

  unneededBlobs(repository: RepositoryName, unneeded: Unneeded): Promise<Part<Digest>> {
    return this.#garbage.unneededBlobs(repository, unneeded);
  }

  untaggedManifests(repository: RepositoryName, untagged: Untagged): Promise<Part<PushPlace>> {
    return this.#garbage.untaggedManifests(repository, untagged);
  }

  unneededManifests(repository: RepositoryName, digests: readonly Digest[], before: Date): Promise<Digest[]> {
    return this.#garbage.unneededManifests(repository, digests, before);
  }

  unlinked(canonicals: readonly Digest[]): Promise<Digest[]> {
    return this.#garbage.unlinked(canonicals);
  }

  unreadableLinks(): Promise<UnreadableLink[]> {
    return this.#garbage.unreadableLinks();
  }

  usesOf(canonical: Digest): Promise<ContentUse[]> {
    return this.#garbage.usesOf(canonical);
  }

  countUses(canonicals: readonly Digest[]): Promise<UseCount[]> {
    return this.#garbage.countUses(canonicals);
  }

  putTrash(trash: TrashRecord): Promise<void> {
    return this.#garbage.putTrash(trash);
  }

  dropTrash(id: string): Promise<void> {
    return this.#garbage.dropTrash(id);
  }

  trashIds(): Promise<Set<string>> {
    return this.#garbage.trashIds();
  }

  async beginDeletes(
    repository: RepositoryName,
    keys: readonly ManifestKey[],
    begunAt: Date,
  ): Promise<readonly PendingDelete[]> {
    const pending: PendingDelete[] = [];
    for (const key of keys) pending.push(await this.#journal.begin(repository, key, begunAt));
    return pending;
  }

  async endDeletes(pending: readonly PendingDelete[]): Promise<void> {
    for (const each of pending) await this.#journal.end(each);
  }

  pendingDeletes(): Promise<PendingDelete[]> {
    return this.#journal.pending();
  }

  async putBlob(repository: RepositoryName, blob: BlobRecord): Promise<void> {
    await this.#db.run(PUT_BLOB, repository, ...blobValues(blob));
  }

  async dropBlobs(repository: RepositoryName, digests: readonly Digest[]): Promise<void> {
    await this.#change(repository, (rows, id) => rows.dropBlobs(id, digests));
  }

  async putManifest(
    repository: RepositoryName,
    manifest: ManifestRecord,
    tags: readonly Tag[],
  ): Promise<void> {
    await this.#db.run(PUT_MANIFEST, repository, ...manifestValues(manifest), tags);
  }

  async dropManifests(repository: RepositoryName, digests: readonly Digest[]): Promise<void> {
    await this.#change(repository, async (rows, id) => {
      for (const digest of digests) await rows.dropTagsOn(id, digest);
      await rows.dropManifests(id, digests);
      await rows.show(id);
    });
  }

  async tagsOf(repository: RepositoryName, digest: Digest): Promise<Tag[]> {
    const sql = `SELECT name FROM tags WHERE repository_id = ${REPOSITORY} AND digest = $2 ORDER BY name`;
    return (await this.#db.column(sql, repository, digest)) as Tag[];
  }

  async dropTag(repository: RepositoryName, tag: Tag): Promise<void> {
    await this.#change(repository, (rows, id) => rows.dropTags(id, [tag]));
  }

  async recordPulls(pulls: readonly Pull[]): Promise<void> {
    if (pulls.length > 0) await this.#db.transaction((session) => recordPulls(session, pulls));
  }

  contents(repository: RepositoryName): Promise<RepositoryContents> {
    return this.#db.transaction(
      async (session) => {
        const version = await session.get('SELECT version FROM repositories WHERE name = $1', repository);
        const all = (sql: string) => session.all(`${sql} WHERE repository_id = ${REPOSITORY}`, repository);
        const blobs = await all('SELECT digest FROM blobs');
        const manifests = await all('SELECT digest FROM manifests');
        const tags = await all('SELECT name, digest FROM tags');
        const unreadable = await all('SELECT path FROM unreadable_links');
        return {
          version: Number(version?.version ?? 0),
          blobs: new Set(blobs.map((row) => row.digest as Digest)),
          manifests: new Set(manifests.map((row) => row.digest as Digest)),
          tags: new Map(tags.map((row) => [row.name as Tag, row.digest as Digest])),
          unreadable: new Set(unreadable.map((row) => String(row.path))),
        };
      },
      { snapshot: true },
    );
  }

  applyChanges(repository: RepositoryName, changes: RepositoryChanges, version: number): Promise<boolean> {
    return this.#db.transaction(async (session) => {
      const rows = new RepositoryRows(session);
      const id = await rows.touchAt(repository, version);
      if (id === undefined) return false;
      for (const blob of changes.putBlobs) await rows.putBlob(id, blob);
      await rows.dropBlobs(id, changes.dropBlobs);
      for (const manifest of changes.putManifests) await rows.putManifest(id, manifest);
      await rows.dropManifests(id, changes.dropManifests);
      for (const tag of changes.putTags) await rows.putTag(id, tag);
      await rows.dropTags(id, changes.dropTags);
      if (changes.unreadable) await rows.setUnreadable(id, changes.unreadable);
      await rows.show(id);
      return true;
    });
  }

  async versions(): Promise<ReadonlyMap<RepositoryName, number>> {
    const rows = await this.#db.all('SELECT name, version FROM repositories');
    return new Map(rows.map((row) => [row.name as RepositoryName, Number(row.version)]));
  }

  async allRepositories(): Promise<RepositoryName[]> {
    return (await this.#db.column('SELECT name FROM repositories ORDER BY name')) as RepositoryName[];
  }

  async check(): Promise<void> {
    await this.#db.get('SELECT count(*) FROM pending_deletes');
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  /** Whatever else changes the repository waits until it is done. */
  async #change(
    repository: RepositoryName,
    change: (rows: RepositoryRows, id: number) => Promise<void>,
  ): Promise<void> {
    await this.#db.transaction(async (session) => {
      const rows = new RepositoryRows(session);
      await change(rows, await rows.touch(repository));
    });
  }
}
