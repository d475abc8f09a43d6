import type { Descriptor, Digest, RepositoryName, Tag } from '../oci/index.js';
import { algorithmOf, digestOfBytes, encodedOf, MEDIA_TYPES, parseManifest, parseTag } from '../oci/index.js';
import { repositoryScope } from './auth/scope.js';
import { RegistryError } from './errors.js';
import type { FoundManifest, RepositoryManifests, UnlistedReferrer } from './manifests.js';
import { walkPages } from './paging.js';
import type { RegistryHost } from './registry-host.js';
import { readWholeAnswer } from './whole-answer.js';

type Options = Readonly<{ signal?: AbortSignal }>;

/** What registries answer that do not have the API. */
const UNSUPPORTED = [400, 404, 405, 406];
const MAX_PAGE_BYTES = 8 * 1024 * 1024;
/** More would be a mistake, or an attack. */
const MAX_REFERRERS = 100_000;

/** The manifests about a manifest. distribution-spec spec.md, "Listing Referrers", "Referrers Tag Schema". */
export class Referrers {
  readonly #host: RegistryHost;
  readonly #path: RepositoryName;
  readonly #manifests: RepositoryManifests;
  /** Lists in tags are read, changed and written: one after the other. */
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(host: RegistryHost, path: RepositoryName, manifests: RepositoryManifests) {
    this.#host = host;
    this.#path = path;
    this.#manifests = manifests;
  }

  async list(digest: Digest, options: Options & Readonly<{ artifactType?: string }>): Promise<Descriptor[]> {
    const { artifactType, signal } = options;
    const found =
      (await this.#fromApi(digest, options)) ?? (await this.#fromTag(digest, signal ? { signal } : {}));
    // Registries need not filter, and the tag cannot.
    return artifactType === undefined
      ? found
      : found.filter((referrer) => referrer.artifactType === artifactType);
  }

  /** Lists a manifest in the tag that stands in for the API. */
  async add({ digest, referrer }: UnlistedReferrer, options: Options): Promise<void> {
    const change = this.#lastChange.then(async () => {
      const known = await this.#fromTag(digest, options);
      if (known.some((other) => other.digest === referrer.digest)) return;
      await this.#manifests.putTagged({ tag: fallbackTag(digest) }, indexOf([...known, referrer]), options);
    });
    this.#lastChange = change.catch(() => {});
    await change;
  }

  async #fromApi(
    digest: Digest,
    { artifactType, signal }: Options & Readonly<{ artifactType?: string }>,
  ): Promise<Descriptor[] | undefined> {
    const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType })}`;
    const { registry } = this.#host;
    const what = `listing the referrers of ${digest} in ${registry}/${this.#path}`;
    const pages = walkPages(this.#host, {
      target: `/v2/${this.#path}/referrers/${digest}${query}`,
      repository: this.#path,
      scopes: [repositoryScope(this.#path, 'pull')],
      what,
      expect: [200, ...UNSUPPORTED],
      signal,
    });
    const referrers: Descriptor[] = [];
    for await (const answer of pages) {
      if (answer.status !== 200 || answer.contentType !== MEDIA_TYPES.ociIndex) {
        await answer.discard();
        return undefined;
      }
      referrers.push(...childrenOf(await readWholeAnswer(answer, MAX_PAGE_BYTES, { registry, what })));
      if (referrers.length > MAX_REFERRERS)
        throw new RegistryError(`${what}: there are more than ${MAX_REFERRERS}`, { registry, status: 200 });
    }
    return referrers;
  }

  async #fromTag(digest: Digest, options: Options): Promise<Descriptor[]> {
    const found = await this.#manifests.get({ tag: fallbackTag(digest) }, options);
    return found === undefined ? [] : childrenOf(found.bytes);
  }
}

/** The algorithm and the hash, cut to what fits into a tag. */
export function fallbackTag(digest: Digest): Tag {
  const text = `${algorithmOf(digest).slice(0, 32)}-${encodedOf(digest).slice(0, 64)}`;
  return parseTag(text.replace(/[^a-zA-Z0-9._-]/g, '-'));
}

function childrenOf(bytes: Buffer): Descriptor[] {
  return [...parseManifest(bytes, MEDIA_TYPES.ociIndex).children];
}

function indexOf(manifests: readonly Descriptor[]): FoundManifest {
  const mediaType = MEDIA_TYPES.ociIndex;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  const digest = digestOfBytes('sha256', bytes);
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}
