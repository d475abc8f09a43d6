import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ServerFolder } from './peers.ts';
import { type Descriptor, manifestBytes } from './requests.ts';

/** How much is in a store before a server sees it. */
export type FixtureSizes = Readonly<{ repositories: number; tags: number }>;

export const TAGS_REPOSITORY = 'bench/tags';
/** Manifests that the tags are spread over. */
const TAGGED_MANIFESTS = 100;
const APPS_PER_TEAM = 100;

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

type Image = Readonly<{ config: Descriptor; layer: Descriptor; manifest: string }>;

/**
 * Distribution's layout (`registry/storage/paths.go`). Links with the same content are hard links of each other:
 * nobody changes them in place, and making 100,000 of them takes seconds.
 */
class StoreWriter {
  readonly #root: string;
  readonly #links = new Map<string, { file: string; uses: number }>();

  constructor(data: string) {
    this.#root = path.join(data, 'docker', 'registry', 'v2');
  }

  image(seed: string): Image {
    const config = this.#blob(
      'application/vnd.oci.image.config.v1+json',
      Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', author: seed })),
    );
    const layer = this.#blob('application/vnd.oci.image.layer.v1.tar', Buffer.from(`layer of ${seed}`));
    const { digest } = this.#blob('manifest', manifestBytes(config, [layer]));
    return { config, layer, manifest: digest };
  }

  addImage(repository: string, { config, layer, manifest }: Image): void {
    const directory = `repositories/${repository}`;
    for (const { digest } of [config, layer]) this.#link(`${directory}/_layers/${inPath(digest)}`, digest);
    this.#link(`${directory}/_manifests/revisions/${inPath(manifest)}`, manifest);
    mkdirSync(path.join(this.#root, directory, '_uploads'), { recursive: true });
  }

  addTag(repository: string, tag: string, manifest: string): void {
    const directory = `repositories/${repository}/_manifests/tags/${tag}`;
    this.#link(`${directory}/current`, manifest);
    this.#link(`${directory}/index/${inPath(manifest)}`, manifest);
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
    const known = this.#links.get(digest);
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
