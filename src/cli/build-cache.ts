import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  CACHE_MEMBER,
  type ForeignCache,
  limitedTo,
  type PortableCache,
  readPortableCache,
  type StepRecord,
  type StepRecords,
} from '../builder/index.js';
import { type ImageEndpoint, ImageNotFoundError } from '../content/index.js';
import {
  type Descriptor,
  type Digest,
  hostPlatform,
  keyText,
  MEDIA_TYPES,
  parseReference,
} from '../oci/index.js';
import { parseSpec } from './build-flags.js';
import type { BuildProgress } from './build-progress.js';
import type { BuildSession } from './build-session.js';
import { UsageError } from './failure.js';

/** Where a cache is kept beside the one of this machine. */
type CachePlace =
  | Readonly<{ type: 'registry'; name: string; mode: 'min' | 'max'; compression: 'gzip' | 'zstd' }>
  | Readonly<{ type: 'local'; directory: string; mode: 'min' | 'max'; compression: 'gzip' | 'zstd' }>
  | Readonly<{ type: 'inline' }>;

/** `type=registry,ref=…`, `type=local,src=…|dest=…`, `type=inline`, or the name of an image alone. */
function parseCachePlace(text: string, flag: string): CachePlace {
  const spec = parseSpec(text);
  const type = spec.get('type');
  const mode = spec.get('mode') === 'max' ? 'max' : 'min';
  const compression = spec.get('compression') === 'zstd' ? 'zstd' : 'gzip';
  const name = spec.get('ref') ?? (type === undefined && !text.includes('=') ? text : undefined);
  if ((type === undefined || type === 'registry') && name !== undefined) {
    return { type: 'registry', name, mode, compression };
  }
  const directory = spec.get('dest') ?? spec.get('src');
  if (type === 'local' && directory !== undefined)
    return { type, directory: resolve(directory), mode, compression };
  if (type === 'inline') return { type };
  throw new UsageError(
    `${flag} ${text}: write type=registry,ref=<image>, type=local,dest=<directory> (src= to read) or type=inline`,
  );
}

type Parts = Readonly<{ session: BuildSession; progress: BuildProgress }>;

/** Lets steps find what lies in these places. A place that is empty yet is none. */
export async function importCaches(texts: readonly string[], parts: Parts): Promise<void> {
  for (const text of texts) {
    const place = parseCachePlace(text, '--cache-from');
    if (place.type === 'inline')
      throw new UsageError('--cache-from type=inline: name the image instead, type=registry,ref=…');
    if (place.type === 'local' && !existsSync(place.directory)) continue;
    const step = parts.progress.begin(
      `importing cache from ${place.type === 'local' ? place.directory : place.name}`,
    );
    try {
      const { endpoint, key } = await endpointOf(place, parts.session, 'read');
      const cache = await ImageCache.open(endpoint, key, { ...parts, text });
      if (cache !== undefined) parts.session.cache.addForeign(cache);
      step.done();
    } catch (error) {
      step.failed(error);
      // Without a cache a build takes longer, and nothing else.
      parts.progress.warn(unusable(text, error));
    }
  }
}

function unusable(text: string, error: unknown): string {
  return `cannot use the cache ${text}: ${error instanceof Error ? error.message : String(error)}`;
}

/** Writes what the build found or made to these places. */
export async function exportCaches(
  texts: readonly string[],
  diffIDs: readonly Digest[],
  parts: Parts,
): Promise<void> {
  for (const text of texts) {
    const place = parseCachePlace(text, '--cache-to');
    if (place.type === 'inline') continue;
    const step = parts.progress.begin(
      `exporting cache to ${place.type === 'local' ? place.directory : place.name}`,
    );
    try {
      await exportCache(place, diffIDs, parts.session);
      step.done();
    } catch (error) {
      step.failed(error);
      throw error;
    }
  }
}

/** What an image says of its own layers, with `--cache-to type=inline`. */
export function inlineCache(
  texts: readonly string[],
  session: BuildSession,
  diffIDs: readonly Digest[],
): object {
  const isWanted = texts.some((text) => parseCachePlace(text, '--cache-to').type === 'inline');
  return isWanted ? { [CACHE_MEMBER]: limitedTo(session.cache.used(), diffIDs) } : {};
}

async function exportCache(
  place: Exclude<CachePlace, { type: 'inline' }>,
  diffIDs: readonly Digest[],
  session: BuildSession,
): Promise<void> {
  const { compressed, copy } = await import('../image/index.js');
  const { store, signal } = session;
  const used = session.cache.used();
  const exported =
    place.mode === 'max'
      ? limitedTo(
          used,
          used.records.map(({ diffID }) => diffID),
        )
      : limitedTo(used, diffIDs);
  const root = storeCacheImage(exported, session);
  const isNew = store.find(root.digest) === undefined;
  store.tagMany(root, []);
  try {
    const { endpoint, key } = await endpointOf(place, session, 'write');
    const source = compressed(store, { compression: place.compression, signal });
    await copy(source, root.digest, endpoint, [key], { signal });
  } finally {
    const record = isNew ? store.find(root.digest) : undefined;
    if (record !== undefined && record.names.length === 0) store.remove(record);
  }
}

/** An image like any other, so that every registry takes it; it only cannot be run. */
function storeCacheImage(cache: PortableCache, { store }: BuildSession): Descriptor {
  const layers = new Map(cache.records.map(({ diffID, size }) => [diffID, size]));
  const { os, architecture } = hostPlatform();
  const config = {
    architecture,
    os,
    rootfs: { type: 'layers', diff_ids: [...layers.keys()] },
    [CACHE_MEMBER]: cache,
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: store.putBytes(Buffer.from(JSON.stringify(config)), MEDIA_TYPES.ociConfig),
    layers: [...layers].map(([digest, size]) => ({ mediaType: MEDIA_TYPES.ociLayer, digest, size })),
  };
  return store.putBytes(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.ociManifest);
}

async function endpointOf(
  place: Exclude<CachePlace, { type: 'inline' }>,
  session: BuildSession,
  use: 'read' | 'write',
): Promise<Readonly<{ endpoint: ImageEndpoint; key: string }>> {
  if (place.type === 'local') {
    const { LayoutDirectory } = await import('../image/index.js');
    const open = use === 'read' ? LayoutDirectory.open : LayoutDirectory.create;
    return { endpoint: open.call(LayoutDirectory, place.directory), key: 'cache' };
  }
  const { registry, repository, key } = parseReference(place.name);
  return { endpoint: (await session.client()).repository(registry, repository), key: keyText(key) };
}

/** `text` is what the cache was asked for by. */
type ImageCacheParts = Parts & Readonly<{ text: string }>;

/** The cache in the configuration of an image; its layers are fetched one by one, when a step wants them. */
class ImageCache implements ForeignCache {
  readonly #endpoint: ImageEndpoint;
  readonly #parts: ImageCacheParts;
  readonly #layers: ReadonlyMap<string, Descriptor>;
  readonly #records: ReadonlyMap<string, StepRecord>;
  readonly #shapes: ReadonlySet<string>;
  /** What failed once, or told a lie, is not asked again. */
  #isUsable = true;

  private constructor(
    endpoint: ImageEndpoint,
    parts: ImageCacheParts,
    cache: StepRecords,
    layers: ReadonlyMap<string, Descriptor>,
  ) {
    this.#endpoint = endpoint;
    this.#parts = parts;
    this.#layers = layers;
    const present = cache.records.filter(({ diffID }) => layers.has(diffID));
    this.#records = new Map(present.map((record) => [record.key, record]));
    this.#shapes = new Set(cache.shapes);
  }

  /** @returns undefined when there is no such image, or it holds no cache. */
  static async open(
    endpoint: ImageEndpoint,
    key: string,
    parts: ImageCacheParts,
  ): Promise<ImageCache | undefined> {
    const { readContent } = await import('../image/index.js');
    const [{ parseImageConfig, parseManifest }, root] = [
      await import('../oci/index.js'),
      await findRoot(endpoint, key),
    ];
    if (root === undefined) return undefined;
    const manifest = parseManifest(await readContent(endpoint, root), root.mediaType);
    if (manifest.config === undefined) return undefined;
    const config = parseImageConfig(await readContent(endpoint, manifest.config));
    const cache = readPortableCache(config);
    if (cache === undefined) return undefined;
    const pairs = config.rootfs.diff_ids.map((diffID, i) => [diffID, manifest.layers[i]] as const);
    const layers = new Map(
      pairs.flatMap(([diffID, layer]) => (layer === undefined ? [] : [[diffID, layer] as const])),
    );
    return new ImageCache(endpoint, parts, cache, layers);
  }

  find(key: string): StepRecord | undefined {
    return this.#isUsable ? this.#records.get(key) : undefined;
  }

  hasShape(shape: string): boolean {
    return this.#isUsable && this.#shapes.has(shape);
  }

  async fetch({ diffID }: StepRecord): Promise<number | undefined> {
    const { session, progress, text } = this.#parts;
    const descriptor = this.#layers.get(diffID);
    if (descriptor === undefined) return undefined;
    try {
      const layer = { diffID, descriptor, isBase: false };
      return await session.layers.fetch(layer, () => this.#endpoint.fetch(descriptor));
    } catch (error) {
      session.signal.throwIfAborted();
      if (this.#isUsable) progress.warn(unusable(text, error));
      this.#isUsable = false;
      return undefined;
    }
  }
}

async function findRoot(endpoint: ImageEndpoint, key: string): Promise<Descriptor | undefined> {
  try {
    return await endpoint.resolve(key);
  } catch (error) {
    if (error instanceof ImageNotFoundError) return undefined;
    throw error;
  }
}
