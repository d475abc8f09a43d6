import { createHash } from 'node:crypto';
import { detectCompression } from '../layer/index.js';
import {
  type Descriptor,
  type Digest,
  digestOf,
  digestOfBytes,
  formatReference,
  MEDIA_TYPES,
  parseImageConfig,
  parseReference,
} from '../oci/index.js';
import { type ArchiveFiles, type ArchivePlace, HEAD_BYTES } from './archive-files.js';
import type { ArchivedContent, ArchivedImage, ArchiveIndex } from './archive-images.js';
import { ImageFormatError } from './errors.js';

/** An image in the manifest.json of `docker save`: paths in the archive, and short names. */
export type DockerManifestEntry = Readonly<{
  Config: string;
  RepoTags: readonly string[];
  Layers: readonly string[];
}>;

/** manifest.json, `undefined` where there is none. @throws {ImageFormatError} */
export function dockerManifestIn(files: ArchiveFiles): readonly DockerManifestEntry[] | undefined {
  if (files.find('manifest.json') === undefined) return undefined;
  const entries: unknown = parseJson(files.read('manifest.json'));
  if (!Array.isArray(entries)) throw new ImageFormatError('manifest.json in the archive is not a list');
  return entries.map((entry: Partial<DockerManifestEntry> | null) => {
    const { Config, Layers, RepoTags } = entry ?? {};
    if (typeof Config !== 'string' || !isStrings(Layers)) {
      throw new ImageFormatError('manifest.json in the archive has an entry without Config and Layers');
    }
    return { Config, Layers, RepoTags: isStrings(RepoTags) ? RepoTags : [] };
  });
}

/** What an archive in docker's form holds, with the manifests that it lacks; `undefined` for another form. */
export async function dockerImagesIn(files: ArchiveFiles): Promise<ArchiveIndex | undefined> {
  const entries = dockerManifestIn(files);
  if (entries === undefined) return undefined;
  const content = new Map<Digest, ArchivedContent>();
  const images: ArchivedImage[] = [];
  for (const entry of entries) {
    const descriptor = await describe(files, entry, content);
    images.push({ descriptor, names: entry.RepoTags.map((tag) => formatReference(parseReference(tag))) });
  }
  return { images, content, referrers: new Map() };
}

async function describe(
  files: ArchiveFiles,
  entry: DockerManifestEntry,
  content: Map<Digest, ArchivedContent>,
): Promise<Descriptor> {
  const configBytes = files.read(entry.Config);
  const diffIDs = parseImageConfig(configBytes).rootfs.diff_ids;
  if (diffIDs.length !== entry.Layers.length) {
    throw new ImageFormatError(
      `${entry.Config} in the archive tells of ${diffIDs.length} layers, manifest.json of ${entry.Layers.length}`,
    );
  }
  const layers: Descriptor[] = [];
  for (const [i, path] of entry.Layers.entries()) {
    const place = files.find(path);
    if (place === undefined) throw new ImageFormatError(`the archive has no layer ${path}`);
    const layer = await describeLayer(files, place, diffIDs[i] as Digest);
    content.set(layer.digest, place);
    layers.push(layer);
  }
  const config = keep(content, MEDIA_TYPES.dockerConfig, configBytes);
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.dockerManifest, config, layers };
  return keep(content, MEDIA_TYPES.dockerManifest, Buffer.from(JSON.stringify(manifest)));
}

/** An uncompressed layer is named by the configuration; whoever takes it verifies that. */
async function describeLayer(files: ArchiveFiles, place: ArchivePlace, diffID: Digest): Promise<Descriptor> {
  const { size } = place;
  switch (detectCompression(files.readAt(place, HEAD_BYTES))) {
    case 'none':
      return { mediaType: MEDIA_TYPES.dockerLayer, digest: diffID, size };
    case 'gzip':
      return { mediaType: MEDIA_TYPES.dockerLayerGzip, digest: await hash(files.open(place)), size };
    case 'zstd':
      return { mediaType: MEDIA_TYPES.dockerLayerZstd, digest: await hash(files.open(place)), size };
    default:
      throw new ImageFormatError(
        'a layer in the archive is compressed with bzip2 or xz, which images cannot be',
      );
  }
}

function keep(content: Map<Digest, ArchivedContent>, mediaType: string, bytes: Buffer): Descriptor {
  const digest = digestOfBytes('sha256', bytes);
  content.set(digest, bytes);
  return { mediaType, digest, size: bytes.length };
}

async function hash(source: AsyncIterable<Uint8Array>): Promise<Digest> {
  const hasher = createHash('sha256');
  for await (const chunk of source) hasher.update(chunk);
  return digestOf('sha256', hasher.digest('hex'));
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new ImageFormatError('manifest.json in the archive is not JSON', { cause: error });
  }
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
