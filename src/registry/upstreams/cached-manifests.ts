import { IndexUnavailableError, type ManifestKey, type StoredManifest } from '../../index/index.js';
import { type Digest, OciError, type RepositoryName, type Tag } from '../../oci/index.js';
import { StorageUnavailableError } from '../../storage/index.js';
import type { Logger } from '../logger.js';
import type { RepositoryManifests } from '../repositories/index.js';
import type { BackOff } from './back-off.js';
import type { CacheObserver } from './cache-observer.js';
import { UpstreamContentError, UpstreamRefusedError, UpstreamUnavailableError } from './errors.js';
import type { Origins } from './origins.js';
import type { SharedFetches } from './shared-fetches.js';
import { SingleFlight } from './single-flight.js';
import type { Upstream } from './upstream.js';

/** `stale`: its tag may name something else by now, which could not be found out. */
export type CachedManifest = StoredManifest & Readonly<{ stale: boolean }>;

export type CachedManifestsOptions = Readonly<{
  upstream: Upstream;
  /** The name there of a repository here. */
  remoteName: (repository: RepositoryName) => RepositoryName;
  /** Takes manifests before what they name. */
  manifests: RepositoryManifests;
  origins: Origins;
  backOff: BackOff;
  /** Between the processes that serve the registry, where there are several. */
  shared: SharedFetches | undefined;
  observer: CacheObserver | undefined;
  /** How long a tag is believed, in milliseconds. */
  recheck: number;
  now: () => Date;
  log: Logger;
}>;

/** Who has something to fall back on does not wait longer than this. */
const HASTE_MS = 5000;
/** Tags that are remembered to be as the upstream says. */
const MAX_CHECKED = 100_000;

/** Manifests of an upstream: kept once they were asked for. What a tag names is asked again and again. */
export class CachedManifests {
  readonly #options: CachedManifestsOptions;
  readonly #fetches = new SingleFlight<StoredManifest>();
  /** When each tag was last found to be as it is here, oldest first. */
  readonly #checked = new Map<string, number>();

  constructor(options: CachedManifestsOptions) {
    this.#options = options;
  }

  /** @throws {OciError} MANIFEST_UNKNOWN. @throws as {@link Upstream}, where there is nothing to fall back on. */
  async get(repository: RepositoryName, key: ManifestKey): Promise<CachedManifest> {
    const here = await this.#options.manifests.find(repository, key);
    const found = await this.#get(repository, key, here);
    this.#options.observer?.asked('manifest', { hit: found.digest === here?.digest });
    return found;
  }

  async #get(
    repository: RepositoryName,
    key: ManifestKey,
    here: StoredManifest | undefined,
  ): Promise<CachedManifest> {
    const { backOff, log, upstream } = this.#options;
    if (here && ('digest' in key || this.#isFresh(repository, key.tag))) return { ...here, stale: false };
    const { reason } = backOff;
    if (here && reason) return { ...here, stale: true };
    if (reason?.limited) throw reason; // each request more is one that it counts
    const name = 'tag' in key ? key.tag : key.digest;
    try {
      const found = await this.#fetches.run(`${repository} ${name}`, () =>
        backOff.watch(() =>
          here && 'tag' in key ? this.#recheck(repository, key.tag, here) : this.#fetchOnce(repository, key),
        ),
      );
      return { ...found, stale: false };
    } catch (error) {
      if (here && !isPassing(error) && (await this.#isOwn(repository, error)))
        return { ...here, stale: false };
      if (!here || !isPassing(error)) throw error;
      log.warn({ error, repository, tag: name, upstream: upstream.host }, 'served what may be out of date');
      return { ...here, stale: true };
    }
  }

  /** Whether a no of the upstream is not about what is here: it was pushed before there was an upstream. */
  async #isOwn(repository: RepositoryName, error: unknown): Promise<boolean> {
    const isNo = error instanceof OciError || error instanceof UpstreamRefusedError;
    return isNo && !(await this.#options.origins.isCopy(repository));
  }

  #isFresh(repository: RepositoryName, tag: Tag): boolean {
    const at = this.#checked.get(`${repository} ${tag}`);
    return at !== undefined && this.#options.now().getTime() - at < this.#options.recheck;
  }

  #setChecked(repository: RepositoryName, tag: Tag): void {
    const key = `${repository} ${tag}`;
    this.#checked.delete(key);
    this.#checked.set(key, this.#options.now().getTime());
    for (const oldest of this.#checked.keys()) {
      if (this.#checked.size <= MAX_CHECKED) break;
      this.#checked.delete(oldest);
    }
  }

  async #recheck(repository: RepositoryName, tag: Tag, here: StoredManifest): Promise<StoredManifest> {
    const { upstream, remoteName, manifests } = this.#options;
    const signal = AbortSignal.timeout(HASTE_MS);
    const digest = await upstream.resolve(remoteName(repository), tag, { signal });
    if (digest === undefined) throw unknown(repository, { tag });
    if (digest !== here.digest) {
      const known = await manifests.find(repository, { digest });
      if (known === undefined)
        return this.#fetch(repository, { digest }, { tag, signal: AbortSignal.timeout(HASTE_MS) });
      await this.#store(repository, known, [tag]);
      return known;
    }
    this.#setChecked(repository, tag);
    return here;
  }

  /** What is not here at all is fetched by one of several processes. */
  #fetchOnce(repository: RepositoryName, key: ManifestKey): Promise<StoredManifest> {
    const { shared, manifests } = this.#options;
    if (shared === undefined) return this.#fetch(repository, key);
    const name = 'tag' in key ? key.tag : key.digest;
    return shared.inTurn(
      `manifest ${repository} ${name}`,
      async () => (await manifests.find(repository, key)) ?? (await this.#fetch(repository, key)),
    );
  }

  /** @param options `tag`: that names it, if the key does not say. */
  async #fetch(
    repository: RepositoryName,
    key: ManifestKey,
    options: Readonly<{ tag?: Tag; signal?: AbortSignal }> = {},
  ): Promise<StoredManifest> {
    const { upstream, remoteName } = this.#options;
    const { signal } = options;
    const found = await upstream.manifest(remoteName(repository), key, signal && { signal });
    if (found === undefined) throw unknown(repository, key);
    this.#options.observer?.fetched('manifest', found.bytes.byteLength);
    const named = 'tag' in key ? key.tag : options.tag;
    await this.#store(repository, found, named === undefined ? [] : [named]);
    return found;
  }

  /** What cannot be kept is served all the same. */
  async #store(
    repository: RepositoryName,
    { digest, mediaType, bytes }: StoredManifest,
    tags: readonly Tag[],
  ): Promise<void> {
    const { manifests, origins, log, upstream } = this.#options;
    try {
      await origins.claim(repository);
      await manifests.put(repository, { bytes, contentType: mediaType, digest: digest as Digest, tags });
      for (const tag of tags) this.#setChecked(repository, tag);
    } catch (error) {
      if (error instanceof OciError) {
        throw new UpstreamContentError(
          `${upstream.host} sent no manifest that can be kept: ${error.message}`,
          {
            cause: error,
          },
        );
      }
      if (!(error instanceof StorageUnavailableError || error instanceof IndexUnavailableError)) throw error;
      log.warn({ error, repository, digest }, 'a manifest of an upstream could not be kept');
    }
  }
}

/** What is here is better than nothing. An upstream that says no is believed. */
function isPassing(error: unknown): boolean {
  return error instanceof UpstreamUnavailableError || error instanceof UpstreamContentError;
}

function unknown(repository: RepositoryName, key: ManifestKey): OciError {
  const what = 'tag' in key ? `tag ${key.tag}` : `manifest ${key.digest}`;
  return new OciError('MANIFEST_UNKNOWN', `${repository} has no ${what}`, { detail: key });
}
