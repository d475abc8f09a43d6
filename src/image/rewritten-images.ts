import { ContentNotFoundError, type ImageEndpoint } from '../content/index.js';
import {
  type Descriptor,
  type Digest,
  digestOfBytes,
  type Platform,
  parseImageConfig,
} from '../oci/index.js';
import { choosePlatform } from './copy.js';
import { bare, isIndexType, isManifestType, parseStored } from './manifests.js';
import { type ImageFormat, inFormat } from './media-type-format.js';
import { readContent } from './read-content.js';
import { ReadOnlyEndpoint } from './read-only-endpoint.js';
import { restate } from './restatement.js';

export type Rewriting = Readonly<{
  /** Media types of manifests, configurations and layers; as they are by default. */
  format?: ImageFormat;
  /** Of an index: only the image for it. */
  platform?: Platform | 'all';
  /** Another form of a layer, that {@link Rewriting.fetch} or the source has. */
  layer?: (layer: Descriptor, diffID: Digest) => Promise<Descriptor>;
  signal?: AbortSignal;
}>;

type Json = Readonly<Record<string, unknown>>;

/**
 * Presents the images of another place in another form. Manifests whose layers and types stay are presented to the
 * byte; others have new ones, with everything in them that is not about layers and types.
 */
export class RewrittenImages extends ReadOnlyEndpoint {
  readonly name: string;
  readonly #source: ImageEndpoint;
  readonly #rewriting: Rewriting;
  readonly #made = new Map<Digest, Buffer>();
  /** By the digest of what stands in its place. */
  readonly #forms = new Map<Digest, Readonly<{ before: Descriptor; after: Descriptor }>>();
  /** What stands in the place of manifests, by their digest; `undefined` for themselves. */
  readonly #documents = new Map<Digest, Promise<Json | undefined>>();

  constructor(source: ImageEndpoint, rewriting: Rewriting) {
    super();
    this.name = source.name;
    this.#source = source;
    this.#rewriting = rewriting;
  }

  override async resolve(key: string): Promise<Descriptor> {
    return this.present(await this.#source.resolve(key));
  }

  /** What stands in the place of content of the source, as {@link resolve} finds it. */
  async present(descriptor: Descriptor): Promise<Descriptor> {
    return this.#rewrite(await choosePlatform(this.#source, bare(descriptor), this.#rewriting));
  }

  override async fetch(descriptor: Descriptor, options: { offset?: number; signal?: AbortSignal } = {}) {
    const made = this.#made.get(descriptor.digest);
    return made === undefined
      ? this.#source.fetch(descriptor, options)
      : once(made.subarray(options.offset ?? 0));
  }

  /** Statements go along with an image in another form; signatures of its old form would be void. */
  override async referrers(subject: Digest): Promise<readonly Descriptor[]> {
    const { signal } = this.#rewriting;
    const options = signal === undefined ? {} : { signal };
    const form = this.#forms.get(subject);
    const found = await this.#source.referrers(form?.before.digest ?? subject, options);
    if (form === undefined) return found;
    const moved: Descriptor[] = [];
    for (const referrer of found) {
      const contents = (await restate(this.#source, referrer, form, options)) ?? [];
      for (const { descriptor, bytes } of contents) this.#made.set(descriptor.digest, bytes);
      moved.push(...contents.slice(-1).map(({ descriptor }) => descriptor));
    }
    return moved;
  }

  /** @returns what stands in its place, with all else that is said of it. */
  async #rewrite(descriptor: Descriptor): Promise<Descriptor> {
    if (!isManifestType(descriptor.mediaType)) return descriptor;
    let document = this.#documents.get(descriptor.digest);
    if (document === undefined) {
      document = this.#rewriteDocument(descriptor);
      this.#documents.set(descriptor.digest, document);
    }
    const rewritten = await document;
    return rewritten === undefined ? descriptor : this.#keep(rewritten, descriptor);
  }

  async #rewriteDocument(descriptor: Descriptor): Promise<Json | undefined> {
    const { signal } = this.#rewriting;
    const bytes = await readContent(this.#source, descriptor, signal && { signal });
    const document = JSON.parse(bytes.toString()) as Json;
    const rewritten = isIndexType(descriptor.mediaType)
      ? await this.#rewriteIndex(document, descriptor, bytes)
      : await this.#rewriteManifest(document, descriptor, bytes);
    return rewritten === document ? undefined : rewritten;
  }

  async #rewriteIndex(document: Json, descriptor: Descriptor, bytes: Uint8Array): Promise<Json> {
    const { children } = parseStored(bytes, descriptor);
    const rewritten: Descriptor[] = [];
    for (const child of children) rewritten.push(await this.#rewrite(child));
    const renamed = new Map(
      children.map(({ digest }, i) => [digest as string, rewritten[i]?.digest ?? digest]),
    );
    const manifests = rewritten.map((child) => aboutRenamed(child, renamed));
    const mediaType = this.#typed(descriptor).mediaType;
    if (isSame(children, manifests) && mediaType === descriptor.mediaType) return document;
    return { ...document, mediaType, manifests };
  }

  async #rewriteManifest(document: Json, descriptor: Descriptor, bytes: Uint8Array): Promise<Json> {
    const { config, layers } = parseStored(bytes, descriptor);
    if (config === undefined) return document;
    const diffIDs = await this.#diffIDs(config);
    if (diffIDs === undefined) return document; // an artifact: its layers are not layers
    const rewritten = await Promise.all(layers.map((layer, i) => this.#layer(layer, diffIDs[i])));
    const newConfig = this.#typed(config);
    const mediaType = this.#typed(descriptor).mediaType;
    if (isSame([config, ...layers], [newConfig, ...rewritten]) && mediaType === descriptor.mediaType)
      return document;
    return { ...document, mediaType, config: newConfig, layers: rewritten };
  }

  async #layer(layer: Descriptor, diffID: Digest | undefined): Promise<Descriptor> {
    const { layer: rewrite } = this.#rewriting;
    const other = rewrite === undefined || diffID === undefined ? layer : await rewrite(layer, diffID);
    return this.#typed(other);
  }

  async #diffIDs(config: Descriptor): Promise<readonly Digest[] | undefined> {
    try {
      const { rootfs } = parseImageConfig(
        await readContent(this.#source, config, this.#rewriting.signal && { signal: this.#rewriting.signal }),
      );
      return rootfs.diff_ids.length === 0 ? undefined : rootfs.diff_ids;
    } catch (error) {
      if (error instanceof ContentNotFoundError) throw error;
      return undefined;
    }
  }

  #typed(descriptor: Descriptor): Descriptor {
    const { format } = this.#rewriting;
    return format === undefined ? descriptor : inFormat(descriptor, format);
  }

  #keep(document: Json, old: Descriptor): Descriptor {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestOfBytes('sha256', bytes);
    this.#made.set(digest, bytes);
    const after = { ...old, mediaType: String(document.mediaType), digest, size: bytes.length };
    this.#forms.set(digest, { before: old, after });
    return after;
  }
}

/** BuildKit's attestations say in an annotation which image of the index they are about. */
function aboutRenamed(child: Descriptor, renamed: ReadonlyMap<string, Digest>): Descriptor {
  const key = 'vnd.docker.reference.digest';
  const about = renamed.get(child.annotations?.[key] ?? '');
  return about === undefined ? child : { ...child, annotations: { ...child.annotations, [key]: about } };
}

function isSame(before: readonly Descriptor[], after: readonly Descriptor[]): boolean {
  return before.every(
    ({ digest, mediaType }, i) => after[i]?.digest === digest && after[i]?.mediaType === mediaType,
  );
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
