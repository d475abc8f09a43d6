import type { ImageEndpoint } from '../content/index.js';
import {
  type Descriptor,
  type Digest,
  formatPlatform,
  type Manifest,
  matchesPlatform,
  type Platform,
  parseImageConfig,
  requiredBlobs,
} from '../oci/index.js';
import { ImageFormatError } from './errors.js';
import { bare, isIndexType, isManifestType, parseStored, platformIn } from './manifests.js';
import { readContent } from './read-content.js';
import { Slots } from './slots.js';
import type { OnTransfer } from './transfer-event.js';

const DEFAULT_JOBS = 6;

export type CopyOptions = Readonly<{
  /** Of an index: one image of it, or the whole. `all` by default. A manifest is copied whatever it is for. */
  platform?: Platform | 'all';
  /** How many blobs are on their way at once. */
  jobs?: number;
  onProgress?: OnTransfer;
  /** A repository of the registry copied to that has the content, if any: it may be mounted from there. */
  mountFrom?: (descriptor: Descriptor) => string | undefined;
  /** Also copies what the source has about the image. */
  referrers?: boolean;
  /** Of the name in the target, where that lists them: a layout, an archive. */
  annotations?: Readonly<Record<string, string>>;
  /** Further images follow: the target is not finished yet. */
  more?: boolean;
  signal?: AbortSignal;
}>;

/**
 * Copies an image from anywhere to anywhere: children first, side by side, then the manifests, then the names.
 * @param fromKey in the form of the source's `resolve`, or what that gave.
 * @param toKeys in the form of the target's `tag`; none is allowed.
 * @returns what was named: the manifest of the platform chosen, or the whole index.
 */
export async function copy(
  from: ImageEndpoint,
  fromKey: string | Descriptor,
  to: ImageEndpoint,
  toKeys: readonly string[],
  options: CopyOptions = {},
): Promise<Descriptor> {
  const resolved = bare(typeof fromKey === 'string' ? await from.resolve(fromKey) : fromKey);
  const root = await choosePlatform(from, resolved, options);
  const transfer = new Transfer(from, to, options);
  await transfer.run(root);
  const { annotations } = options;
  for (const key of toKeys) await to.tag(annotations ? { ...root, annotations } : root, key);
  for (const referrer of transfer.referrers) await to.tag(referrer, referrer.digest);
  if (options.more !== true) await to.finish();
  return root;
}

/**
 * The image of an index for the platform, or what was given if that is no index.
 * @throws {ImageFormatError} the index has none.
 */
export async function choosePlatform(
  from: ImageEndpoint,
  descriptor: Descriptor,
  { platform = 'all', signal }: Pick<CopyOptions, 'platform' | 'signal'>,
): Promise<Descriptor> {
  if (platform === 'all' || !isIndexType(descriptor.mediaType)) return descriptor;
  const index = await readManifest(from, descriptor, signal);
  const found = await findChild(from, index, platform, new Set([descriptor.digest]), signal);
  if (found !== undefined) return found;
  throw new ImageFormatError(
    `${from.name} has no image for ${formatPlatform(platform)}; it has ${offersOf(index) || 'none at all'}`,
  );
}

/** @param seen is added to: what indexes name many times over is looked at once. */
async function findChild(
  from: ImageEndpoint,
  { children }: Manifest,
  platform: Platform,
  seen: Set<Digest>,
  signal?: AbortSignal,
): Promise<Descriptor | undefined> {
  for (const child of children) {
    const isIndex = isIndexType(child.mediaType);
    if (seen.has(child.digest) && (isIndex || child.platform === undefined)) continue;
    seen.add(child.digest);
    if (isIndex) {
      const index = await readManifest(from, child, signal);
      const found = await findChild(from, index, platform, seen, signal);
      if (found !== undefined) return found;
    } else if (matchesPlatform(await platformOf(from, child, signal), platform)) return bare(child);
  }
  return undefined;
}

function offersOf({ children }: Manifest): string {
  return children
    .flatMap(({ platform }) =>
      platform === undefined || platform.os === 'unknown' ? [] : [formatPlatform(platform)],
    )
    .join(', ');
}

const NOWHERE: Platform = { os: 'unknown', architecture: 'unknown' };

/** Indexes need not say it; the configuration does. */
async function platformOf(from: ImageEndpoint, child: Descriptor, signal?: AbortSignal): Promise<Platform> {
  if (child.platform !== undefined || !isManifestType(child.mediaType)) return child.platform ?? NOWHERE;
  const { config } = await readManifest(from, child, signal);
  if (config === undefined) return NOWHERE;
  try {
    return platformIn(parseImageConfig(await readContent(from, config, signal && { signal })));
  } catch {
    return NOWHERE; // an artifact
  }
}

async function readManifest(
  from: ImageEndpoint,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<Manifest> {
  return parseStored(await readContent(from, descriptor, signal && { signal }), descriptor);
}

/** One copy under way. */
class Transfer {
  readonly #from: ImageEndpoint;
  readonly #to: ImageEndpoint;
  readonly #options: CopyOptions;
  readonly #slots: Slots;
  readonly #aborted = new AbortController();
  readonly #signal: AbortSignal;
  /** By digest, so that nothing is sent twice. */
  readonly #started = new Map<Digest, Promise<void>>();
  /** What was found to be about what is copied, and is copied too. */
  readonly referrers: Descriptor[] = [];

  constructor(from: ImageEndpoint, to: ImageEndpoint, options: CopyOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
    this.#slots = new Slots(options.jobs ?? DEFAULT_JOBS);
    const { signal } = this.#aborted;
    this.#signal = options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]);
  }

  /** Once one part fails the others are given up, and waited for. */
  async run(root: Descriptor): Promise<void> {
    try {
      await this.#copy(root);
    } catch (error) {
      this.#aborted.abort(error);
      await Promise.allSettled(this.#started.values());
      throw this.#signal.reason ?? error;
    }
  }

  #copy(descriptor: Descriptor): Promise<void> {
    let copying = this.#started.get(descriptor.digest);
    if (copying === undefined) {
      copying = isManifestType(descriptor.mediaType) ? this.#manifest(descriptor) : this.#blob(descriptor);
      copying.catch((error: unknown) => this.#aborted.abort(error));
      this.#started.set(descriptor.digest, copying);
    }
    return copying;
  }

  async #manifest(descriptor: Descriptor): Promise<void> {
    const signal = this.#signal;
    const bytes = await this.#slots.use(() => readContent(this.#from, descriptor, { signal }));
    const manifest = parseStored(bytes, descriptor);
    const children = [...requiredBlobs(manifest), ...manifest.children];
    await Promise.all(children.map((child) => this.#copy(child)));
    await this.#slots.use(() => this.#push(descriptor, async (offset) => chunk(bytes.subarray(offset))));
    await this.#referrers(descriptor);
  }

  /** Only what is about an image is copied, so the image comes first. */
  async #referrers({ digest }: Descriptor): Promise<void> {
    if (this.#options.referrers !== true) return;
    const found = await this.#slots.use(() => this.#from.referrers(digest, { signal: this.#signal }));
    for (const referrer of found) {
      await this.#copy(bare(referrer));
      const { artifactType } = referrer;
      this.referrers.push({ ...bare(referrer), ...(artifactType !== undefined && { artifactType }) });
    }
  }

  async #blob(descriptor: Descriptor): Promise<void> {
    const signal = this.#signal;
    await this.#slots.use(() =>
      this.#push(descriptor, (offset) => this.#from.fetch(descriptor, { offset, signal })),
    );
  }

  async #push(descriptor: Descriptor, open: (offset: number) => Promise<AsyncIterable<Uint8Array>>) {
    const { onProgress, mountFrom } = this.#options;
    const source = mountFrom?.(descriptor);
    this.#signal.throwIfAborted();
    onProgress?.({ kind: 'begin', descriptor });
    const pushed = await this.#to.push(descriptor, open, {
      ...(source === undefined ? {} : { mountFrom: source }),
      onBytes: (bytes) => onProgress?.({ kind: 'bytes', descriptor, bytes }),
      signal: this.#signal,
    });
    onProgress?.({ kind: 'end', descriptor, outcome: pushed });
  }
}

async function* chunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
