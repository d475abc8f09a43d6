import { type Descriptor, type Digest, findDigest } from '../oci/index.js';
import { AmbiguousImageError, ImageFormatError } from './errors.js';
import { isIndexType } from './manifests.js';
import type { StoreDatabase } from './store-database.js';

/** An image of the local store: what was pulled, built or loaded under one manifest or index. */
export type ImageRecord = Readonly<{
  /** What people know it by: the digest of its configuration; of an index, that of this machine's platform. */
  id: Digest;
  descriptor: Descriptor;
  /** Whole names, `docker.io/library/alpine:latest`, in order. Without any it is dangling. */
  names: readonly string[];
  /** What registries call it: `docker.io/library/alpine@sha256:...`. */
  repoDigests: readonly string[];
  /** When it came, in milliseconds. */
  addedAt: number;
  /** When it last got a name, in milliseconds; 0 for never. */
  taggedAt: number;
}>;

/** Which images there are, and what they are called. Knows nothing of their content. */
export class ImageRecords {
  readonly #db: StoreDatabase;

  constructor(db: StoreDatabase) {
    this.#db = db;
  }

  /** The newest first. */
  all(): ImageRecord[] {
    return this.#read('SELECT * FROM images ORDER BY added_at DESC, digest');
  }

  byDigest(digest: string): ImageRecord | undefined {
    return this.#read('SELECT * FROM images WHERE digest = ?1', digest)[0];
  }

  byName(name: string): ImageRecord | undefined {
    const sql = 'SELECT images.* FROM images JOIN names USING (digest) WHERE name = ?1';
    return this.#read(sql, name)[0];
  }

  /** @param name `repository@digest`, of a registry. */
  byRepoDigest(name: string): ImageRecord | undefined {
    const [repository = '', remote = ''] = name.split('@');
    const sql = `SELECT images.* FROM images JOIN repo_digests USING (digest)
      WHERE repository = ?1 AND remote = ?2 ORDER BY added_at DESC`;
    return this.#read(sql, repository, remote)[0];
  }

  /** All that are known by one id; several where the same image is stored in several forms. */
  byId(id: string): ImageRecord[] {
    return this.#read('SELECT * FROM images WHERE id = ?1 ORDER BY added_at DESC', id);
  }

  /** @param hex the beginning of an id. @throws {AmbiguousImageError} */
  byShortId(hex: string): ImageRecord | undefined {
    const sql = `SELECT * FROM images WHERE id >= ?1 AND id < ?2 ORDER BY added_at DESC`;
    const found = this.#read(sql, `sha256:${hex}`, `sha256:${hex}g`);
    if (new Set(found.map(({ id }) => id)).size > 1) throw new AmbiguousImageError(hex);
    return found[0];
  }

  /** @returns whether it is new. */
  add({ digest, mediaType, size }: Descriptor, id: Digest, now: number): boolean {
    const sql = 'INSERT INTO images VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING';
    return this.#db.run(sql, digest, mediaType, size, id, now).changes > 0;
  }

  /**
   * @param name one of `repository@digest` is what a registry calls it; `''` is none.
   * @returns whether that is new: nothing is written otherwise.
   * @throws {ImageFormatError} that digest is another one.
   */
  setName(name: string, digest: Digest, now: number): boolean {
    const at = name.indexOf('@');
    const remote = at < 0 ? undefined : findDigest(name.slice(at + 1));
    if (remote !== undefined && remote !== digest)
      throw new ImageFormatError(`${name} cannot name ${digest}, which is other content`);
    if (remote !== undefined) return this.addRepoDigest(name.slice(0, at), remote, digest);
    if (name === '') return false;
    const sql = `INSERT INTO names VALUES (?1, ?2, ?3)
      ON CONFLICT DO UPDATE SET digest = ?2, tagged_at = ?3 WHERE digest != ?2`;
    return this.#db.run(sql, name, digest, now).changes > 0;
  }

  /** @returns whether there was such a name. */
  removeName(name: string): boolean {
    return this.#db.run('DELETE FROM names WHERE name = ?1', name).changes > 0;
  }

  /** @returns whether it is new. */
  addRepoDigest(repository: string, remote: Digest, digest: Digest): boolean {
    const sql = 'INSERT OR IGNORE INTO repo_digests VALUES (?1, ?2, ?3)';
    return this.#db.run(sql, repository, remote, digest).changes > 0;
  }

  removeRepoDigests(digest: Digest, repository: string): void {
    this.#db.run('DELETE FROM repo_digests WHERE digest = ?1 AND repository = ?2', digest, repository);
  }

  /**
   * Forgets other forms of the same image that have no name any more, such as one with compressed layers; what
   * registries call them goes over. An index is more than one image, so it stays.
   * @returns the manifests that were forgotten.
   */
  absorb(digest: Digest, id: Digest): Digest[] {
    const others = this.byId(id).filter(
      ({ descriptor, names }) =>
        descriptor.digest !== digest && names.length === 0 && !isIndexType(descriptor.mediaType),
    );
    for (const { descriptor } of others) {
      const sql = 'UPDATE OR IGNORE repo_digests SET digest = ?1 WHERE digest = ?2';
      this.#db.run(sql, digest, descriptor.digest);
      this.remove(descriptor.digest);
    }
    return others.map(({ descriptor }) => descriptor.digest);
  }

  remove(digest: Digest): void {
    for (const table of ['names', 'repo_digests', 'images']) {
      this.#db.run(`DELETE FROM ${table} WHERE digest = ?1`, digest);
    }
  }

  #read(sql: string, ...values: string[]): ImageRecord[] {
    return this.#db.all(sql, ...values).map((row) => {
      const digest = String(row.digest) as Digest;
      const names = this.#db.all('SELECT name, tagged_at FROM names WHERE digest = ?1 ORDER BY name', digest);
      return {
        id: String(row.id) as Digest,
        descriptor: { mediaType: String(row.media_type), digest, size: Number(row.size) },
        names: names.map(({ name }) => String(name)),
        repoDigests: this.#repoDigests(digest),
        addedAt: Number(row.added_at),
        taggedAt: Math.max(0, ...names.map(({ tagged_at }) => Number(tagged_at))),
      };
    });
  }

  #repoDigests(digest: Digest): string[] {
    const sql = `SELECT repository || '@' || remote FROM repo_digests WHERE digest = ?1 ORDER BY 1`;
    return this.#db.column(sql, digest);
  }
}
