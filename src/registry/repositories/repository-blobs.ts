import { ContentNotFoundError, layout, type VerifiedUpload } from '../../content/index.js';
import type { BlobRecord } from '../../index/index.js';
import { type Digest, OciError, type RepositoryName } from '../../oci/index.js';
import type { ByteRange, FileReader, Publication } from '../../storage/index.js';
import { type RepositoryStore, settled } from './store.js';

/** At most this many repositories are tried for a mount whose source the client left open. */
const MAX_MOUNT_SOURCES = 100;

/** Which blobs each repository shows. The bytes are shared; what is kept for a repository is a link to them. */
export class RepositoryBlobs {
  readonly #store: RepositoryStore;

  constructor(store: RepositoryStore) {
    this.#store = store;
  }

  /** @throws {OciError} BLOB_UNKNOWN. */
  async get(repository: RepositoryName, digest: Digest): Promise<BlobRecord> {
    const { blobs } = this.#store;
    const blob = await this.#find(repository, digest);
    if (blob && (await blobs.stat(blob.canonical)) === blob.size) return blob;
    // Removed behind our back: say so from now on, or clients would never push it again.
    if (blob) await this.#store.sync.recheck(repository);
    throw unknownBlob(repository, digest);
  }

  /** @throws {OciError} BLOB_UNKNOWN. */
  async open(repository: RepositoryName, blob: BlobRecord, range?: ByteRange): Promise<FileReader> {
    try {
      return await this.#store.blobs.open(blob.canonical, range);
    } catch (error) {
      if (!(error instanceof ContentNotFoundError)) throw error;
      throw unknownBlob(repository, blob.digest, error);
    }
  }

  signedUrl(blob: BlobRecord, method: 'GET' | 'HEAD'): Promise<string | undefined> {
    return this.#store.blobs.signedUrl(blob.canonical, method);
  }

  /**
   * Makes a verified upload readable in a repository: durable once this resolves. It takes the place of the same
   * content if that is there already, which may have been damaged where it lay.
   */
  async publish(repository: RepositoryName, digest: Digest, verified: VerifiedUpload): Promise<void> {
    const content = [{ path: layout.blobPath(verified.canonical), from: verified.path }];
    await this.#link(repository, digest, verified, content);
  }

  /**
   * Shows in `to` what `from` holds already.
   * @returns false when `from` does not hold it.
   */
  async mount(from: RepositoryName, to: RepositoryName, digest: Digest): Promise<boolean> {
    const blob = await this.#find(from, digest);
    if (blob === undefined || (await this.#store.blobs.stat(blob.canonical)) !== blob.size) return false;
    await this.#link(to, digest, blob, []);
    return true;
  }

  /** Repositories from which a blob could be mounted, in byte order. */
  sourcesOf(digest: Digest): Promise<RepositoryName[]> {
    return this.#store.index.repositoriesWithBlob(digest, MAX_MOUNT_SOURCES);
  }

  /** Stops showing it; the bytes stay until nothing needs them. @throws {OciError} BLOB_UNKNOWN. */
  async delete(repository: RepositoryName, digest: Digest): Promise<void> {
    const { driver, index, locks } = this.#store;
    await locks.forDelete(repository, async () => {
      if ((await this.#find(repository, digest)) === undefined) throw unknownBlob(repository, digest);
      await settled(this.#store, repository, async () => {
        await driver.delete(layout.layerLinkPath(repository, digest));
        await index.dropBlob(repository, digest);
      });
    });
  }

  #find(repository: RepositoryName, digest: Digest): Promise<BlobRecord | undefined> {
    const { index, sync } = this.#store;
    return sync.consult(repository, () => index.findBlob(repository, digest));
  }

  /** @param content what must be named before the links to it. */
  async #link(
    repository: RepositoryName,
    digest: Digest,
    { canonical, size }: { canonical: Digest; size: number },
    content: readonly Publication[],
  ): Promise<void> {
    const { driver, index, sync, locks, now } = this.#store;
    await sync.ensure(repository);
    await locks.forPush(repository, [], async () => {
      if (content.length === 0 && (await index.findBlob(repository, digest)) !== undefined) return;
      // Under its canonical name too, as the reference registry does for a blob pushed by another digest.
      const names = [...new Set([canonical, digest])];
      const bytes = Buffer.from(canonical);
      const links = names.map((name) => ({ path: layout.layerLinkPath(repository, name), bytes }));
      await settled(this.#store, repository, async () => {
        await driver.publish(content, links);
        for (const name of names) {
          await index.putBlob(repository, { digest: name, canonical, size, linkedAt: now() });
        }
      });
    });
  }
}

function unknownBlob(repository: RepositoryName, digest: Digest, cause?: unknown): OciError {
  return new OciError('BLOB_UNKNOWN', `${repository} has no blob ${digest}`, { cause, detail: { digest } });
}
