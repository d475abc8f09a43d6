import type { BaseConfigs, BaseImage, BaseImages, ResolveOptions } from '../builder/index.js';
import type { RegistryClient } from '../client/index.js';
import { ContentNotFoundError, type ImageEndpoint, ImageNotFoundError } from '../content/index.js';
import { ImageFormatError, type LocalStore } from '../image/index.js';
import {
  type Descriptor,
  formatPlatform,
  formatReference,
  hostPlatform,
  type ImageConfig,
  keyText,
  matchesPlatform,
  type Platform,
  parseImageConfig,
  parseManifest,
  parseReference,
} from '../oci/index.js';

/** Base images from the local store, and from registries into it. */
export class StoredBases implements BaseImages, BaseConfigs {
  readonly #store: LocalStore;
  readonly #openClient: () => Promise<RegistryClient>;
  /** By name and platform: what a build was told must be what is said of it. */
  readonly #resolved = new Map<string, BaseImage>();

  /** @param openClient called when something has to be pulled, and not before. */
  constructor(store: LocalStore, openClient: () => Promise<RegistryClient>) {
    this.#store = store;
    this.#openClient = openClient;
  }

  async resolve(name: string, options: ResolveOptions): Promise<BaseImage> {
    const image = await this.#resolve(name, options);
    this.#resolved.set(`${name} ${formatPlatform(options.platform)}`, image);
    return image;
  }

  async #resolve(name: string, options: ResolveOptions): Promise<BaseImage> {
    const reference = parseReference(name);
    const key = formatReference(reference);
    const { platform } = options;
    const found = await this.#findFitting(name, options);
    if (found !== undefined) return found;
    const { root, repository, digest } = await this.#pull(name, options);
    // Of several platforms that of this machine has the name.
    const isOwn = matchesPlatform(platform, hostPlatform());
    if (isOwn || this.#store.find(key) === undefined) {
      this.#store.tagMany(root, 'tag' in reference.key ? [key] : []);
      this.#store.addRepoDigest(root.digest, repository, digest);
    }
    const image = this.#read(key, root, platform);
    if (image === undefined)
      throw new ImageNotFoundError(`${name} for ${platform.os}/${platform.architecture}`);
    return image;
  }

  async describe(name: string, options: ResolveOptions): Promise<ImageConfig> {
    const { platform, signal } = options;
    const found =
      this.#resolved.get(`${name} ${formatPlatform(platform)}`) ?? (await this.#findFitting(name, options));
    if (found !== undefined) return found.config;
    const { choosePlatform, readContent } = await import('../image/index.js');
    const from = await this.#repositoryOf(name);
    const root = await from.resolve(keyText(parseReference(name).key), signal && { signal });
    const chosen = await choosePlatform(from, root, { platform, ...(signal && { signal }) });
    const { config } = parseManifest(await readContent(from, chosen, signal && { signal }), chosen.mediaType);
    if (config === undefined) throw new ImageFormatError(`${name} is no image`);
    return parseImageConfig(await readContent(from, config, signal && { signal }));
  }

  /** @returns undefined: a registry has to be asked. @throws {ImageNotFoundError} none may be. */
  async #findFitting(name: string, { platform, pull }: ResolveOptions): Promise<BaseImage | undefined> {
    if (pull === 'always') return undefined;
    const key = formatReference(parseReference(name));
    const found = await this.#find(name, key, platform);
    if (found !== undefined && (pull === 'never' || !this.#hasOther(key, found, platform))) return found;
    if (pull === 'missing') return undefined;
    throw new ImageNotFoundError(`${name} (it is not on this machine, and --pull=never)`);
  }

  async #find(name: string, key: string, platform: Platform): Promise<BaseImage | undefined> {
    try {
      return this.#read(key, await this.#store.resolve(key), platform);
    } catch (error) {
      if (!(error instanceof ImageNotFoundError)) throw error;
      // An id of an image that was built here without a name.
      const record = /^(sha256:)?[0-9a-f]{12,64}$/.test(name) ? this.#store.find(name) : undefined;
      return record && this.#read(key, record.descriptor, platform);
    }
  }

  /** Whether it is for another platform, and the registry that it came from may have one for this. */
  #hasOther(key: string, { config }: BaseImage, platform: Platform): boolean {
    if (config.architecture === '' || matchesPlatform(config, platform)) return false;
    return (this.#store.find(key)?.repoDigests ?? []).length > 0;
  }

  #read(name: string, root: Descriptor, platform: Platform): BaseImage | undefined {
    return readBase(this.#store, { origin: 'registry', name }, root, platform);
  }

  async #pull(name: string, { platform, onTransfer, signal }: ResolveOptions) {
    const { copy } = await import('../image/index.js');
    const from = await this.#repositoryOf(name);
    const resolved = await from.resolve(keyText(parseReference(name).key), signal && { signal });
    const root = await copy(from, resolved, this.#store, [], {
      platform,
      ...(onTransfer && { onProgress: onTransfer }),
      ...(signal && { signal }),
    });
    return { root, repository: from.name, digest: resolved.digest };
  }

  async #repositoryOf(name: string) {
    const { registry, repository } = parseReference(name);
    return (await this.#openClient()).repository(registry, repository);
  }
}

/** @returns undefined when not all of it is here. */
function readBase(
  store: LocalStore,
  called: Pick<BaseImage, 'origin' | 'name'>,
  root: Descriptor,
  platform: Platform,
): BaseImage | undefined {
  let image: ReturnType<LocalStore['image']>;
  try {
    image = store.image(root, platform);
  } catch (error) {
    // An index without this platform, or a part of it is gone. What is wrong in itself is not asked for again.
    if (error instanceof ImageFormatError || error instanceof ContentNotFoundError) return undefined;
    throw error;
  }
  const { manifest, config, descriptor } = image;
  if (!manifest.layers.every(({ digest, size }) => store.hasBlob(digest, size))) return undefined;
  return { ...called, digest: descriptor.digest, config, layers: manifest.layers };
}

/** Where an image is in a layout: `directory[:tag][@digest]`; without either it is the only one, or `latest`. */
function parseLayoutPlace(text: string): Readonly<{ directory: string; keys: readonly string[] }> {
  const [, place = '', digest] = /^(.*?)(?:@([a-z0-9]+:[0-9a-f]+))?$/s.exec(text) ?? [];
  const [, directory = '', tag] = /^(.*?)(?::([^/:]+))?$/s.exec(place) ?? [];
  const key = digest ?? tag;
  return { directory, keys: key === undefined ? ['', 'latest'] : [key] };
}

/** An image of an OCI layout, which comes into the store without a name. @throws {ImageNotFoundError} */
export async function layoutBase(
  text: string,
  {
    name,
    store,
    platform,
    signal,
  }: Readonly<{
    name: string;
    store: LocalStore;
    platform: Platform;
    signal: AbortSignal;
  }>,
): Promise<BaseImage> {
  const { copy, LayoutDirectory } = await import('../image/index.js');
  const { directory, keys } = parseLayoutPlace(text);
  const layout = LayoutDirectory.open(directory);
  const root = await copy(layout, await resolveFirst(layout, keys), store, [], { platform, signal });
  const image = readBase(store, { origin: 'layout', name }, root, platform);
  if (image === undefined)
    throw new ImageNotFoundError(`${text} for ${platform.os}/${platform.architecture}`);
  return image;
}

async function resolveFirst(layout: ImageEndpoint, keys: readonly string[]): Promise<Descriptor> {
  const [key = '', ...others] = keys;
  try {
    return await layout.resolve(key);
  } catch (error) {
    if (others.length === 0 || !(error instanceof ImageNotFoundError)) throw error;
    return resolveFirst(layout, others);
  }
}
