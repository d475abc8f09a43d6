import type { PushPlace, TagUse } from '../../index/index.js';
import { type Digest, findDigest, type RepositoryName, type Tag } from '../../oci/index.js';
import {
  type RepositoryBlobs,
  type RepositoryManifests,
  type RepositoryStore,
  removeStaleHistory,
} from '../repositories/index.js';
import { forEachSideBySide } from '../side-by-side.js';
import { measureContents, removeContents } from './content-removal.js';
import { GoingLinks } from './going-links.js';
import { labelOf, parseLifetime } from './lifetime.js';
import { Pace } from './pace.js';
import { expiredTags, type RetentionRule } from './retention.js';
import { TrashFullError, unlessFull } from './trash-room.js';
import { TrustedIndex } from './trusted-index.js';

/** Of tags and manifests at a time: what is put into the trash is written file by file. */
const BATCH = 100;
/** Enough that no disk waits for the index, nor the other way round. */
const AT_ONCE = 4;

export type CollectOptions = Readonly<{
  /** Only says what would be removed. */
  dryRun: boolean;
  /** Nothing younger is touched: pushes that are under way rely on it. Milliseconds. */
  grace: number;
  /** Removes manifests without a tag, too, unless something leads to them. */
  untagged: boolean;
  /** Told of everything that is removed, or would be. */
  onRemoval?: (removal: Removal) => void;
  signal?: AbortSignal;
}>;

/** `bytes` are those that become free; `rule` is that of `berth.retention` which lets a tag go, counted from 0. */
export type Removal =
  | Readonly<{ kind: 'tag'; repository: RepositoryName; tag: Tag; rule: number }>
  | Readonly<{ kind: 'manifest' | 'link'; repository: RepositoryName; digest: Digest }>
  | Readonly<{ kind: 'blob'; digest: Digest; bytes: number }>;

/** `skipped` are links that say nothing: what they may have led to stays as it is. */
export type Collection = Readonly<{
  tags: number;
  manifests: number;
  links: number;
  /** Entries of tags' histories. */
  history: number;
  blobs: number;
  bytes: number;
  skipped: readonly string[];
}>;

type Parts = Readonly<{
  store: RepositoryStore;
  blobs: RepositoryBlobs;
  manifests: RepositoryManifests;
  /** Which tags stay; without rules, all. */
  retention: readonly RetentionRule[];
  /** How many are being answered, whom a collection must not hold up; without it, nobody is. */
  requests?: (() => number) | undefined;
}>;

/**
 * Collects garbage in rounds: tags that no rule keeps, manifests that nothing needs, links to blobs that no manifest names,
 * what tags named before and is gone, bytes that no link names. Each removal is decided once more while nobody can begin to
 * rely on the thing. A dry run does not count what only manifests lead to that would go: it rests in the trash with them, where
 * there is one.
 */
export class Collector {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * @throws {IndexNotTrustedError} nothing can be concluded from the index now. @throws {TrashFullError} all that needs no
   *   trash has gone, and it has no room for the rest.
   */
  async run(options: CollectOptions): Promise<Collection> {
    const { store } = this.#parts;
    const round = new Round(this.#parts, new Date(store.now().getTime() - options.grace), options);
    await store.trash?.compare();
    const unreadable = await store.index.unreadableLinks();
    const spared = new Set(unreadable.map(({ repository }) => repository));
    const repositories = await store.index.allRepositories();
    const waiting: RepositoryName[] = [];
    await forEachSideBySide(
      repositories.filter((repository) => !spared.has(repository)),
      async (repository) => {
        if (!(await unlessFull(() => round.removeImages(repository)))) waiting.push(repository);
        await round.removeLinks(repository);
        await round.removeHistory(repository);
      },
      { atOnce: AT_ONCE, isOver: () => options.signal?.aborted },
    );
    const skipped = unreadable.map(({ path }) => path);
    await round.removeBytes(skipped);
    // Perhaps there is room now.
    for (const repository of waiting) {
      if (!(await unlessFull(() => round.removeImages(repository)))) throw new TrashFullError();
    }
    return { ...round.counts, skipped };
  }
}

class Round {
  readonly counts = { tags: 0, manifests: 0, links: 0, history: 0, blobs: 0, bytes: 0 };
  readonly #parts: Parts;
  readonly #trusted: TrustedIndex;
  readonly #pace: Pace;
  readonly #before: Date;
  readonly #options: CollectOptions;
  /** Of a dry run. */
  readonly #goingLinks = new GoingLinks();

  constructor(parts: Parts, before: Date, options: CollectOptions) {
    this.#parts = parts;
    this.#trusted = new TrustedIndex(parts.store);
    this.#pace = new Pace(parts.requests ?? (() => 0));
    this.#before = before;
    this.#options = options;
  }

  /** Tags, and with `untagged` manifests, into the trash where there is one. @throws {StorageFullError} it has no room. */
  async removeImages(repository: RepositoryName): Promise<void> {
    await this.#expireTags(repository);
    if (this.#options.untagged) await this.#removeManifests(repository);
  }

  async #expireTags(repository: RepositoryName): Promise<void> {
    const { store, manifests, retention } = this.#parts;
    if (retention.length === 0) return;
    const uses = await store.index.tagUses(repository);
    this.#trusted.check();
    const lifetime = async ({ digest }: TagUse, label: string) =>
      parseLifetime((await labelOf(store, repository, digest, label)) ?? '');
    const all = await expiredTags(retention, repository, uses, {
      now: store.now(),
      pullsKnownSince: await store.index.pullsKnownSince(),
      lifetime,
    });
    const expired = all.filter(
      ({ tag, taggedAt }) => taggedAt < this.#before && manifests.isMutable(repository, tag),
    );
    for (let at = 0; at < expired.length && !this.#options.signal?.aborted; at += BATCH) {
      const batch = expired.slice(at, at + BATCH);
      const gone = this.#options.dryRun
        ? batch
        : await this.#pace.run(() => manifests.expire(repository, batch));
      for (const { tag, rule } of gone) this.#options.onRemoval?.({ kind: 'tag', repository, tag, rule });
      this.counts.tags += gone.length;
    }
  }

  async #removeManifests(repository: RepositoryName): Promise<void> {
    const { manifests } = this.#parts;
    const { dryRun, onRemoval, signal } = this.#options;
    const unneeded = await this.#unneededManifests(repository);
    for (let at = 0; at < unneeded.length && !signal?.aborted; at += BATCH) {
      const batch = unneeded.slice(at, at + BATCH);
      const gone = dryRun
        ? batch
        : await this.#pace.run(() => manifests.removeUnneeded(repository, batch, this.#before));
      this.#trusted.check();
      for (const digest of gone) onRemoval?.({ kind: 'manifest', repository, digest });
      this.counts.manifests += gone.length;
    }
  }

  /** All of them before any is removed: what is in the trash keeps what is about it. */
  async #unneededManifests(repository: RepositoryName): Promise<readonly Digest[]> {
    const { index } = this.#parts.store;
    const before = this.#before;
    const unneeded: Digest[] = [];
    let after: PushPlace | undefined;
    do {
      const options = { before, after };
      const { digests, next } = await this.#pace.run(() => index.untaggedManifests(repository, options));
      for (let at = 0; at < digests.length && !this.#options.signal?.aborted; at += BATCH) {
        const batch = digests.slice(at, at + BATCH);
        unneeded.push(...(await this.#pace.run(() => index.unneededManifests(repository, batch, before))));
      }
      after = next;
    } while (after !== undefined && !this.#options.signal?.aborted);
    this.#trusted.check();
    return unneeded;
  }

  async removeLinks(repository: RepositoryName): Promise<void> {
    const { store, blobs } = this.#parts;
    const { dryRun, onRemoval, signal } = this.#options;
    let after: Digest | undefined;
    this.#trusted.check();
    do {
      const unneeded = { before: this.#before, limit: this.#pace.batch, after };
      const { digests, next } = await this.#pace.run(() =>
        dryRun ? store.index.unneededBlobs(repository, unneeded) : blobs.removeUnneeded(repository, unneeded),
      );
      this.#trusted.check();
      if (dryRun) this.#goingLinks.add(repository, digests);
      for (const digest of digests) onRemoval?.({ kind: 'link', repository, digest });
      this.counts.links += digests.length;
      after = next;
    } while (after !== undefined && !signal?.aborted);
  }

  /** What tags named before and is gone. */
  async removeHistory(repository: RepositoryName): Promise<void> {
    const { dryRun, signal } = this.#options;
    this.#trusted.check();
    const options = { before: this.#before, dryRun, pace: this.#pace, signal };
    const removed = await removeStaleHistory(this.#parts.store, repository, options);
    this.counts.history += removed; // others may have counted meanwhile
    this.#trusted.check();
  }

  /** @param unreadable paths of links that say nothing, which may have led to bytes. */
  async removeBytes(unreadable: readonly string[]): Promise<void> {
    const spared = unreadable.flatMap(digestOfLink);
    // Of a link named by another algorithm nobody knows where it led.
    if (spared.some((digest) => !digest.startsWith('sha256:'))) return;
    await forEachSideBySide(this.#unlinked(new Set(spared)), (digests) => this.#removeContents(digests), {
      atOnce: AT_ONCE,
      isOver: () => this.#options.signal?.aborted,
    });
  }

  async *#unlinked(spared: ReadonlySet<Digest>): AsyncGenerator<readonly Digest[]> {
    const { store } = this.#parts;
    const found: Digest[] = [];
    for await (const digests of store.blobs.list()) {
      const unlinked = await this.#pace.run(() => store.index.unlinked(digests));
      if (this.#options.dryRun) unlinked.push(...(await this.#goingLinks.freed(store.index, digests)));
      this.#trusted.check();
      found.push(...unlinked.filter((digest) => !spared.has(digest)));
      while (found.length >= this.#pace.batch) yield found.splice(0, this.#pace.batch);
    }
    yield found;
  }

  async #removeContents(digests: readonly Digest[]): Promise<void> {
    const { store } = this.#parts;
    const remove = () =>
      this.#options.dryRun
        ? measureContents(store, digests, this.#before)
        : removeContents(store, this.#trusted, digests, this.#before);
    for (const { digest, bytes } of await this.#pace.run(remove)) {
      this.#options.onRemoval?.({ kind: 'blob', digest, bytes });
      this.counts.blobs += 1;
      this.counts.bytes += bytes;
    }
  }
}

/** `…/_layers/sha256/<hex>/link` names what the link led to; a tag does not. */
function digestOfLink(path: string): Digest[] {
  const [, algorithm, encoded] = /\/([a-z0-9+._-]+)\/([^/]+)\/link$/.exec(path) ?? [];
  const digest = algorithm === undefined ? undefined : findDigest(`${algorithm}:${encoded}`);
  return digest ? [digest] : [];
}
