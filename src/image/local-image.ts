import { ContentNotFoundError, type OciLayout } from '../content/index.js';
import {
  type Descriptor,
  type Digest,
  hostPlatform,
  type ImageConfig,
  type Manifest,
  matchesPlatform,
  type Platform,
  parseImageConfig,
  requiredBlobs,
} from '../oci/index.js';
import { ImageFormatError } from './errors.js';
import { isAttestation, isIndexType, parseStored, platformIn } from './manifests.js';

/** Reads whole content that is stored. @throws {ContentNotFoundError} */
export type ReadContent = (digest: Digest) => Uint8Array;

/** One image for one platform, with all that is small of it. */
export type LocalImage = Readonly<{
  descriptor: Descriptor;
  manifest: Manifest;
  configDescriptor: Descriptor;
  config: ImageConfig;
  /** The configuration as it is stored, with members that {@link ImageConfig} does not name. */
  configBytes: Uint8Array;
}>;

/**
 * Reads the image that a manifest stands for or, of an index, the one for a platform: this machine's by default, else
 * the first that is here.
 * @throws {ImageFormatError} there is none, or not for the platform that was asked for.
 */
export function readImage(read: ReadContent, root: Descriptor, platform?: Platform): LocalImage {
  const found = new ManifestSearch(read, platform).find(root);
  if (found === undefined) {
    throw new ImageFormatError(
      platform ? `no image for ${platform.os}/${platform.architecture} is here` : 'no image is here',
    );
  }
  const configDescriptor = found.manifest.config;
  if (configDescriptor === undefined) throw new ImageFormatError('the manifest has no configuration');
  const configBytes = read(configDescriptor.digest);
  return { ...found, configDescriptor, config: parseImageConfig(configBytes), configBytes };
}

/**
 * What people know an image by: the digest of its configuration; of an index without images, its own.
 * @throws {ContentNotFoundError} some of the image is not here.
 */
export function imageId(layout: Pick<OciLayout, 'read' | 'sizeOf'>, root: Descriptor): Digest {
  const read: ReadContent = (digest) => layout.read(digest);
  if (!isIndexType(root.mediaType)) {
    const needed = requiredBlobs(parseStored(read(root.digest), root));
    const missing = needed.find(({ digest }) => layout.sizeOf(digest) === undefined);
    if (missing !== undefined) throw new ContentNotFoundError(missing.digest);
  }
  try {
    return readImage(read, root).configDescriptor.digest;
  } catch {
    return root.digest;
  }
}

type Found = Readonly<{ descriptor: Descriptor; manifest: Manifest }>;

class ManifestSearch {
  readonly #read: ReadContent;
  readonly #platform: Platform | undefined;
  /** Indexes that name each other many times over would be read for years. */
  readonly #seen = new Set<Digest>();

  constructor(read: ReadContent, platform: Platform | undefined) {
    this.#read = read;
    this.#platform = platform;
  }

  find(root: Descriptor): Found | undefined {
    const manifest = parseStored(this.#read(root.digest), root);
    if (manifest.kind === 'manifest') return { descriptor: root, manifest };
    const present = manifest.children.flatMap((child) => {
      const found = isAttestation(child) ? undefined : this.#tryFind(child);
      return found === undefined ? [] : [found];
    });
    const wanted = this.#platform ?? hostPlatform();
    const matching = present.find((found) => matches(this.#read, found, wanted));
    return matching ?? (this.#platform === undefined ? present[0] : undefined);
  }

  /** An index may name images that are not here. */
  #tryFind(child: Descriptor): Found | undefined {
    try {
      if (!isIndexType(child.mediaType)) {
        const manifest = parseStored(this.#read(child.digest), child);
        return { descriptor: child, manifest };
      }
      if (this.#seen.has(child.digest)) return undefined;
      this.#seen.add(child.digest);
      return this.find(child);
    } catch {
      return undefined;
    }
  }
}

function matches(read: ReadContent, { descriptor, manifest }: Found, wanted: Platform): boolean {
  if (descriptor.platform !== undefined) return matchesPlatform(descriptor.platform, wanted);
  if (manifest.config === undefined) return false;
  try {
    return matchesPlatform(platformIn(parseImageConfig(read(manifest.config.digest))), wanted);
  } catch {
    return false;
  }
}
