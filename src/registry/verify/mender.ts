import { layout, Quarantine } from '../../content/index.js';
import type { ContentUse } from '../../index/index.js';
import { type Digest, digestOfBytes, type RepositoryName } from '../../oci/index.js';
import { PathNotFoundError } from '../../storage/index.js';
import type { RepositoryStore } from '../repositories/index.js';

/** What is to be done about something wrong; as JSON where it is handed to another process. */
export type Mending =
  /** Of bytes that are wrong as they were changed last at that time, in milliseconds since 1970. */
  | Readonly<{ do: 'set-aside'; digest: Digest; changedAt: number }>
  /** Bytes are back in their place. */
  | Readonly<{ do: 'show'; digest: Digest; repositories: readonly RepositoryName[] }>
  /** A link is written anew that leads to bytes which are there. */
  | Readonly<{ do: 'link'; use: ContentUse; canonical: Digest }>
  /** Manifests are indexed anew from their files. */
  | Readonly<{ do: 'reread'; repository: RepositoryName }>;

export type Mended =
  /** Out of its place, at `path`; `uses` are what showed it until then. */
  | Readonly<{ done: 'set-aside'; path: string; uses: readonly ContentUse[] }>
  /** The same, and the right bytes of the manifest were known. */
  | Readonly<{ done: 'rewritten'; path: string; uses: readonly ContentUse[] }>
  | Readonly<{ done: 'shown' }>
  /** Somebody wrote it anew: it is to be looked at again. */
  | Readonly<{ done: 'changed' }>
  | Readonly<{ done: 'gone' }>;

/** Changes what is wrong, in the process that has the files, so that no request comes between. */
export class Mender {
  readonly #store: RepositoryStore;
  readonly #quarantine: Quarantine;

  constructor(store: RepositoryStore) {
    this.#store = store;
    this.#quarantine = new Quarantine(store.driver, store.blobs);
  }

  async mend(mendings: readonly Mending[], signal?: AbortSignal): Promise<Mended[]> {
    const mended: Mended[] = [];
    for (const mending of mendings) {
      signal?.throwIfAborted();
      mended.push(await this.#mend(mending));
    }
    return mended;
  }

  #mend(mending: Mending): Promise<Mended> {
    switch (mending.do) {
      case 'set-aside':
        return this.#setAside(mending.digest, mending.changedAt);
      case 'show':
        return this.#show(mending.digest, mending.repositories);
      case 'link':
        return this.#link(mending.use, mending.canonical);
      case 'reread':
        return this.#reread(mending.repository);
    }
  }

  #setAside(digest: Digest, changedAt: number): Promise<Mended> {
    const { blobs, driver, index, locks, now } = this.#store;
    return locks.forRemoval([digest], async () => {
      const info = await blobs.info(digest);
      if (info === undefined) return { done: 'gone' };
      if (info.changedAt.getTime() !== changedAt) return { done: 'changed' };
      const uses = await index.usesOf(digest);
      const path = await this.#quarantine.setAside(digest, now());
      const bytes = await this.#indexed(digest, uses);
      if (bytes) await driver.publish([{ path: layout.blobPath(digest), bytes }]);
      else await this.#recheck(uses.map(({ repository }) => repository));
      return { done: bytes ? 'rewritten' : 'set-aside', path, uses };
    });
  }

  #show(digest: Digest, repositories: readonly RepositoryName[]): Promise<Mended> {
    const { blobs, locks } = this.#store;
    return locks.forLink(digest, async () => {
      if ((await blobs.info(digest)) === undefined) return { done: 'gone' };
      await this.#recheck(repositories);
      return { done: 'shown' };
    });
  }

  async #link({ repository, digest, kind }: ContentUse, canonical: Digest): Promise<Mended> {
    const { blobs, driver, locks, sync } = this.#store;
    const pathOf = kind === 'blob' ? layout.layerLinkPath : layout.revisionLinkPath;
    const path = pathOf(repository, digest);
    await sync.ensure(repository);
    return locks.forPush(repository, { content: canonical }, async () => {
      if ((await blobs.info(canonical)) === undefined) return { done: 'gone' };
      if ((await this.#textAt(path)) !== canonical)
        await driver.publish([{ path, bytes: Buffer.from(canonical) }]);
      await this.#recheck([repository]);
      return { done: 'shown' };
    });
  }

  async #reread(repository: RepositoryName): Promise<Mended> {
    await this.#store.sync.recheck(repository, { reread: true });
    return { done: 'shown' };
  }

  /** The index has the bytes of manifests too. */
  async #indexed(digest: Digest, uses: readonly ContentUse[]): Promise<Uint8Array | undefined> {
    for (const { repository, digest: name, kind } of uses) {
      if (kind !== 'manifest') continue;
      const found = await this.#store.index.findManifest(repository, { digest: name });
      if (found && digestOfBytes('sha256', found.bytes) === digest) return found.bytes;
    }
    return undefined;
  }

  async #recheck(repositories: readonly RepositoryName[]): Promise<void> {
    const { sync } = this.#store;
    for (const repository of new Set(repositories))
      await sync.recheck(repository).catch(() => sync.distrust(repository));
  }

  async #textAt(path: string): Promise<string | undefined> {
    try {
      return (await this.#store.driver.read(path)).toString('utf8').trim();
    } catch (error) {
      if (error instanceof PathNotFoundError) return undefined;
      throw error;
    }
  }
}
