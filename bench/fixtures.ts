import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ServerFolder } from './peers.ts';
import { type Descriptor, manifestBytes } from './requests.ts';

/** How much is in a store before a server sees it. */
export type FixtureSizes = Readonly<{ repositories: number; tags: number }>;

export const TAGS_REPOSITORY = 'bench/tags';
/** Manifests that the tags are spread over. */
const TAGGED_MANIFESTS = 100;
const APPS_PER_TEAM = 100;

/** `images` in each repository, of which one half is garbage. */
export type GarbageSizes = Readonly<{
  repositories: number;
  images: number;
  layers: number;
  layerBytes: number;
}>;

/** Digests of blobs, manifests among them; `tags` are the files that say what each tag names. */
type Contents = Readonly<{ kept: readonly string[]; garbage: readonly string[]; tags: readonly string[] }>;

/** In byte order, as both servers list them. */
export function repositoryName(index: number): string {
  const team = String(Math.floor(index / APPS_PER_TEAM)).padStart(3, '0');
  return `team-${team}/app-${String(index % APPS_PER_TEAM).padStart(2, '0')}`;
}

export function tagName(index: number): string {
  return `v1.0.${String(index).padStart(5, '0')}`;
}

/** Writes repositories and tags in the reference's own layout, as fast as the file system allows. */
export function writeFixtures({ data }: ServerFolder, sizes: FixtureSizes): void {
  const store = new StoreWriter(data);
  if (sizes.repositories > 0) {
    const image = store.image('common');
    for (let i = 0; i < sizes.repositories; i += 1) {
      store.addImage(repositoryName(i), image);
      store.addTag(repositoryName(i), 'latest', image.manifest);
    }
  }
  if (sizes.tags > 0) {
    const images = Array.from({ length: TAGGED_MANIFESTS }, (_, i) => store.image(`tagged ${i}`));
    for (const image of images) store.addImage(TAGS_REPOSITORY, image);
    for (let i = 0; i < sizes.tags; i += 1) {
      const image = images[i % images.length];
      if (image) store.addTag(TAGS_REPOSITORY, tagName(i), image.manifest);
    }
  }
}

/**
 * Repositories whose every tag was moved once: of each two images the tag names one, and leads to the other by its history
 * alone. No two images have anything in common.
 */
export function writeGarbage({ data }: ServerFolder, sizes: GarbageSizes): Contents {
  const contents = { kept: [] as string[], garbage: [] as string[], tags: [] as string[] };
  const store = new StoreWriter(data, { hardLinks: false });
  for (let i = 0; i < sizes.repositories; i += 1) {
    const repository = repositoryName(i);
    for (let each = 0; each < sizes.images; each += 1) {
      const image = store.image(`${repository} ${each}`, sizes);
      store.addImage(repository, image);
      const isGarbage = each % 2 === 0;
      const tag = tagName(Math.floor(each / 2));
      const link = store.addTag(repository, tag, image.manifest, { moves: isGarbage });
      if (!isGarbage) contents.tags.push(link);
      const digests = [image.config, ...image.layers].map(({ digest }) => digest);
      contents[isGarbage ? 'garbage' : 'kept'].push(image.manifest, ...digests);
    }
  }
  return contents;
}

/** @throws {Error} not exactly the garbage is gone. */
export function verifyCollected(folder: ServerFolder, { kept, garbage, tags }: Contents): void {
  const isThere = (digest: string) => existsSync(path.join(blobFolder(folder, digest), 'data'));
  const lost = kept.filter((digest) => !isThere(digest));
  const left = garbage.filter(isThere);
  const lostTags = tags.filter((link) => !existsSync(link));
  if (lostTags.length > 0) throw new Error(`${lostTags.length} tags were lost`);
  if (lost.length + left.length > 0)
    throw new Error(`${lost.length} blobs were lost, and ${left.length} of the garbage are left`);
}

type Image = Readonly<{ config: Descriptor; layers: readonly Descriptor[]; manifest: string }>;
type ImageSizes = Pick<GarbageSizes, 'layers' | 'layerBytes'>;

/**
 * Distribution's layout (`registry/storage/paths.go`). Links with the same content may be hard links of each other:
 * nobody changes them in place, and making 100,000 of them takes seconds. But a name less makes the others young.
 */
class StoreWriter {
  readonly #root: string;
  readonly #hardLinks: boolean;
  readonly #links = new Map<string, { file: string; uses: number }>();

  constructor(data: string, { hardLinks = true } = {}) {
    this.#hardLinks = hardLinks;
    this.#root = path.join(data, 'docker', 'registry', 'v2');
  }

  image(seed: string, { layers: count, layerBytes }: ImageSizes = { layers: 1, layerBytes: 0 }): Image {
    const config = this.#blob(
      'application/vnd.oci.image.config.v1+json',
      Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', author: seed })),
    );
    const layers = Array.from({ length: count }, (_, i) =>
      this.#blob(
        'application/vnd.oci.image.layer.v1.tar',
        Buffer.from(`layer ${i} of ${seed}`.padEnd(layerBytes, '.')),
      ),
    );
    const { digest } = this.#blob('manifest', manifestBytes(config, layers));
    return { config, layers, manifest: digest };
  }

  addImage(repository: string, { config, layers, manifest }: Image): void {
    const directory = `repositories/${repository}`;
    for (const { digest } of [config, ...layers])
      this.#link(`${directory}/_layers/${inPath(digest)}`, digest);
    this.#link(`${directory}/_manifests/revisions/${inPath(manifest)}`, manifest);
    mkdirSync(path.join(this.#root, directory, '_uploads'), { recursive: true });
  }

  /** @param options `moves`: it will be put on another image later. @returns the file that says what it names. */
  addTag(repository: string, tag: string, manifest: string, options: { moves?: boolean } = {}): string {
    const directory = `repositories/${repository}/_manifests/tags/${tag}`;
    if (!options.moves) this.#link(`${directory}/current`, manifest);
    this.#link(`${directory}/index/${inPath(manifest)}`, manifest);
    return path.join(this.#root, directory, 'current', 'link');
  }

  #blob(mediaType: string, bytes: Buffer): Descriptor {
    const hex = createHash('sha256').update(bytes).digest('hex');
    const directory = path.join(this.#root, 'blobs', 'sha256', hex.slice(0, 2), hex);
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, 'data'), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  }

  #link(directory: string, digest: string): void {
    const target = path.join(this.#root, directory);
    mkdirSync(target, { recursive: true });
    const file = path.join(target, 'link');
    const known = this.#hardLinks ? this.#links.get(digest) : undefined;
    // ext4 allows 65,000 names for one file.
    if (known && known.uses < 50_000) {
      linkSync(known.file, file);
      known.uses += 1;
    } else {
      writeFileSync(file, digest);
      this.#links.set(digest, { file, uses: 1 });
    }
  }
}

function inPath(digest: string): string {
  return digest.replace(':', '/');
}

/** Where a server keeps the bytes of a blob, so that what was pushed can be taken away between repetitions. */
export function blobFolder({ data }: ServerFolder, digest: string): string {
  const hex = digest.slice('sha256:'.length);
  return path.join(data, 'docker', 'registry', 'v2', 'blobs', 'sha256', hex.slice(0, 2), hex);
}
