import { ContentNotFoundError, layout, publicationOf, type VerifiedUpload } from '../../content/index.js';
import { type BlobRecord, IndexUnavailableError, type Part, type Unneeded } from '../../index/index.js';
import { type Digest, OciError, type RepositoryName } from '../../oci/index.js';
import type { ByteRange, FileReader, Publication } from '../../storage/index.js';
import { hasLink } from './links.js';
import { type QuotaRule, Quotas } from './quotas.js';
import { type RepositoryStore, settled } from './store.js';

/** At most this many repositories are tried for a mount whose source the client left open. */
const MAX_MOUNT_SOURCES = 100;
/** Much less than the shortest grace of a collection of garbage, and seldom enough to cost nothing. */
const VOUCH_EVERY_MS = 10 * 60_000;

/** Which blobs each repository shows. The bytes are shared; what is kept for a repository is a link to them. */
export class RepositoryBlobs {
  readonly #store: RepositoryStore;
  readonly #quotas: Quotas;

  constructor(store: RepositoryStore, quotas: readonly QuotaRule[] = []) {
    this.#store = store;
    this.#quotas = new Quotas(store, quotas);
  }

  /** Before a blob is sent. @throws {OciError} DENIED: there is no room for any, and this one is not there yet. */
  checkRoom(repository: RepositoryName, digest: Digest): Promise<void> {
    return this.#quotas.checkRoom(repository, digest);
  }

  /** What is known of it; whether the bytes are still there is for {@link open} to see. @throws {OciError} BLOB_UNKNOWN. */
  async find(repository: RepositoryName, digest: Digest): Promise<BlobRecord> {
    const blob = await this.#find(repository, digest);
    if (blob === undefined) throw unknownBlob(repository, digest);
    if (!(await this.#promise(repository, blob))) throw await this.#removed(repository, digest);
    return blob;
  }

  /** The same, with a look at the bytes. @throws {OciError} BLOB_UNKNOWN. */
  async get(repository: RepositoryName, digest: Digest): Promise<BlobRecord> {
    const blob = await this.#find(repository, digest);
    if (blob === undefined) throw unknownBlob(repository, digest);
    const isThere = (await this.#store.blobs.stat(blob.canonical)) === blob.size;
    if (isThere && (await this.#promise(repository, blob))) return blob;
    throw await this.#removed(repository, digest);
  }

  /** Whether a manifest of the repository names it. */
  isNamed(repository: RepositoryName, digest: Digest): Promise<boolean> {
    const { index, sync } = this.#store;
    return sync.consult(repository, () => index.isReferenced(repository, digest));
  }

  /** Whether {@link get} would answer. */
  async has(repository: RepositoryName, digest: Digest): Promise<boolean> {
    return (await this.size(repository, digest)) !== undefined;
  }

  /** In bytes; `undefined` when it is not here. */
  async size(repository: RepositoryName, digest: Digest): Promise<number | undefined> {
    const blob = await this.#find(repository, digest);
    const isThere = blob !== undefined && (await this.#store.blobs.stat(blob.canonical)) === blob.size;
    return isThere ? blob.size : undefined;
  }

  /** @throws {OciError} BLOB_UNKNOWN. */
  async open(repository: RepositoryName, blob: BlobRecord, range?: ByteRange): Promise<FileReader> {
    try {
      const file = await this.#store.blobs.open(blob.canonical, range);
      if (file.fileSize === blob.size) return file;
      await file[Symbol.asyncDispose]();
    } catch (error) {
      if (!(error instanceof ContentNotFoundError)) throw error;
      throw await this.#removed(repository, blob.digest, error);
    }
    throw await this.#removed(repository, blob.digest);
  }

  signedUrl(blob: BlobRecord, method: 'GET' | 'HEAD'): Promise<string | undefined> {
    return this.#store.blobs.signedUrl(blob.canonical, method);
  }

  /**
   * Makes a verified upload readable in a repository: durable once this resolves. It takes the place of the same
   * content if that is there already, which may have been damaged where it lay.
   * @throws {OciError} DENIED: there is no room for it.
   */
  async publish(repository: RepositoryName, digest: Digest, verified: VerifiedUpload): Promise<void> {
    await this.#quotas.admit(repository, verified, () =>
      this.#link(repository, digest, verified, [publicationOf(verified)]),
    );
  }

  /**
   * Shows in `to` what `from` holds already.
   * @returns what that is; `undefined` when `from` does not hold it.
   */
  async mount(from: RepositoryName, to: RepositoryName, digest: Digest): Promise<BlobRecord | undefined> {
    const blob = await this.#find(from, digest);
    if (blob === undefined) return undefined;
    const linked = await this.#quotas.admit(to, blob, () => this.#link(to, digest, blob));
    return linked ? blob : undefined;
  }

  /** Repositories from which a blob could be mounted, in byte order. */
  sourcesOf(digest: Digest): Promise<RepositoryName[]> {
    return this.#store.index.repositoriesWithBlob(digest, { limit: MAX_MOUNT_SOURCES });
  }

  /** Stops showing it; the bytes stay until nothing needs them. @throws {OciError} BLOB_UNKNOWN. */
  async delete(repository: RepositoryName, digest: Digest): Promise<void> {
    const { driver, locks } = this.#store;
    await locks.forDelete(repository, async () => {
      const link = layout.layerLinkPath(repository, digest);
      // What a server that died while it took a push has left shows in no index, but would after the next comparison.
      const isHere = (await this.#find(repository, digest)) ?? (await hasLink(driver, link, digest));
      if (!isHere) throw unknownBlob(repository, digest);
      await settled(this.#store, repository, () =>
        this.#unlink(repository, [digest], () => driver.delete(link)),
      );
    });
  }

  /**
   * Whoever is told that a blob is here does not send it: it must not count as garbage soon after. Nor may it be on its way
   * out already.
   * @returns false when it is not here any more.
   */
  async #promise(repository: RepositoryName, blob: BlobRecord): Promise<boolean> {
    const { locks } = this.#store;
    const touch = () => locks.forPush(repository, {}, () => this.#touch(repository, blob));
    return this.#vouchFor(blob, touch);
  }

  #touch(repository: RepositoryName, { digest }: BlobRecord): Promise<boolean> {
    return this.#store.index.touchBlob(repository, digest, this.#store.now());
  }

  /** @param touch under a lock. */
  async #vouchFor({ linkedAt }: BlobRecord, touch: () => Promise<boolean>): Promise<boolean> {
    if (this.#store.now().getTime() - linkedAt.getTime() < VOUCH_EVERY_MS) return true;
    try {
      return await touch();
    } catch (error) {
      if (!(error instanceof IndexUnavailableError && error.forAll)) throw error;
      return true; // where nothing is written nothing is removed
    }
  }

  /**
   * Stops showing blobs that are still unneeded once all pushes are through, in a part of the repository.
   * @returns which, and where the next part begins.
   */
  async removeUnneeded(repository: RepositoryName, unneeded: Unneeded): Promise<Part<Digest>> {
    const { driver, index, locks } = this.#store;
    return locks.forDelete(repository, async (lost) => {
      const part = await index.unneededBlobs(repository, unneeded);
      const { digests } = part;
      if (digests.length === 0) return part;
      const links = digests.map((digest) => layout.layerLinkPath(repository, digest));
      lost.throwIfAborted();
      await settled(this.#store, repository, () =>
        this.#unlink(repository, digests, () => driver.deleteFiles(links)),
      );
      return part;
    });
  }

  /**
   * Others go on when a server dies on the way, with no comparison: they must not be left with a row that has no link, since
   * what is pushed in reliance on it would be lost with the next one. Without a row clients send the blob again.
   */
  async #unlink(
    repository: RepositoryName,
    digests: readonly Digest[],
    remove: () => Promise<unknown>,
  ): Promise<void> {
    const { index, locks } = this.#store;
    if (locks.shared) await index.dropBlobs(repository, digests);
    await remove();
    await index.dropBlobs(repository, digests); // a comparison may have found a link in between
  }

  /** Behind our back: say so from now on, or clients would never push it again. */
  async #removed(repository: RepositoryName, digest: Digest, cause?: unknown): Promise<OciError> {
    await this.#store.sync.recheck(repository);
    return unknownBlob(repository, digest, cause);
  }

  #find(repository: RepositoryName, digest: Digest): Promise<BlobRecord | undefined> {
    const { index, sync } = this.#store;
    return sync.consult(repository, () => index.findBlob(repository, digest));
  }

  /**
   * @param content what must be named before the links to it; without it the bytes must be there already.
   * @returns false when they are not.
   */
  async #link(
    repository: RepositoryName,
    digest: Digest,
    blob: { canonical: Digest; size: number },
    content: readonly Publication[] = [],
  ): Promise<boolean> {
    const { blobs, index, sync, locks } = this.#store;
    await sync.ensure(repository);
    return locks.forPush(repository, { content: blob.canonical }, async () => {
      if (content.length === 0) {
        if ((await blobs.statNow(blob.canonical)) !== blob.size) return false;
        const known = await index.findBlob(repository, digest);
        if (known && (await this.#vouchFor(known, () => this.#touch(repository, known)))) return true;
      }
      await settled(this.#store, repository, () => this.#publishLinks(repository, digest, blob, content));
      return true;
    });
  }

  async #publishLinks(
    repository: RepositoryName,
    digest: Digest,
    { canonical, size }: { canonical: Digest; size: number },
    content: readonly Publication[],
  ): Promise<void> {
    const { driver, index, now } = this.#store;
    // Under its canonical name too, as the reference registry does for a blob pushed by another digest.
    const names = [...new Set([canonical, digest])];
    const bytes = Buffer.from(canonical);
    const links = names.map((name) => ({ path: layout.layerLinkPath(repository, name), bytes }));
    await driver.publish(content, links);
    for (const name of names)
      await index.putBlob(repository, { digest: name, canonical, size, linkedAt: now() });
  }
}

function unknownBlob(repository: RepositoryName, digest: Digest, cause?: unknown): OciError {
  return new OciError('BLOB_UNKNOWN', `${repository} has no blob ${digest}`, { cause, detail: { digest } });
}
