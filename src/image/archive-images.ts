import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ContentNotFoundError, ImageNotFoundError } from '../content/index.js';
import { decompress, detectCompression } from '../layer/index.js';
import type { Descriptor, Digest } from '../oci/index.js';
import { ArchiveFiles, type ArchivePlace, HEAD_BYTES } from './archive-files.js';
import { dockerImagesIn } from './docker-archive-index.js';
import { ImageFormatError } from './errors.js';
import { findIn } from './layout-names.js';
import { bare } from './manifests.js';
import { ociImagesIn } from './oci-archive-index.js';
import { ReadOnlyEndpoint } from './read-only-endpoint.js';

/** Content in the archive, or made up of what is in it. */
export type ArchivedContent = ArchivePlace | Buffer;

/** What was found in an archive. */
export type ArchiveIndex = Readonly<{
  images: readonly ArchivedImage[];
  content: ReadonlyMap<Digest, ArchivedContent>;
  /** What is about some manifest, by that. */
  referrers: ReadonlyMap<Digest, readonly Descriptor[]>;
}>;

export type ArchivedImage = Readonly<{
  descriptor: Descriptor;
  /** Whole names; without any it can be had by its digest. */
  names: readonly string[];
}>;

export type OpenArchiveOptions = Readonly<{
  /** Where an archive is unpacked that is compressed, or comes from a pipe. */
  temporary: () => string;
  signal?: AbortSignal;
}>;

/** The images of an archive: what `docker save`, `podman save`, `skopeo copy` or Berth wrote. */
export class ArchiveImages extends ReadOnlyEndpoint {
  readonly name: string;
  readonly images: readonly ArchivedImage[];
  readonly #files: ArchiveFiles;
  readonly #content: ReadonlyMap<Digest, ArchivedContent>;
  readonly #referrers: ReadonlyMap<Digest, readonly Descriptor[]>;
  readonly #spooled: string | undefined;

  private constructor(name: string, files: ArchiveFiles, index: ArchiveIndex, spooled: string | undefined) {
    super();
    this.name = name;
    this.images = index.images;
    this.#files = files;
    this.#content = index.content;
    this.#referrers = index.referrers;
    this.#spooled = spooled;
  }

  /**
   * Reads an archive in any form, compressed or not. Dispose of it at the end.
   * @param source a file, or the archive itself.
   * @throws {ImageFormatError} it has no images.
   */
  static async open(
    source: string | AsyncIterable<Uint8Array>,
    options: OpenArchiveOptions,
  ): Promise<ArchiveImages> {
    const name = typeof source === 'string' ? source : 'standard input';
    const spooled = isPlainFile(source) ? undefined : await spool(source, options);
    try {
      const files = await openTar(spooled ?? (source as string), name);
      return new ArchiveImages(name, files, await indexOf(files, name), spooled);
    } catch (error) {
      if (spooled !== undefined) rmSync(spooled, { force: true });
      throw error;
    }
  }

  /** @param key a name, a digest, or `''` for the only image. */
  async resolve(key: string): Promise<Descriptor> {
    const named = this.images.find(({ names }) => names.includes(key))?.descriptor;
    const found =
      named ??
      findIn(
        this.images.map(({ descriptor }) => descriptor),
        key,
      );
    if (found === undefined) throw new ImageNotFoundError(this.#missing(key));
    return bare(found);
  }

  override async fetch(
    { digest }: Descriptor,
    { offset = 0, signal }: { offset?: number; signal?: AbortSignal } = {},
  ): Promise<AsyncIterable<Uint8Array>> {
    const content = this.#content.get(digest);
    if (content === undefined) throw new ContentNotFoundError(digest);
    return Buffer.isBuffer(content)
      ? once(content.subarray(offset))
      : this.#files.open(content, offset, signal);
  }

  override async referrers(subject: Digest): Promise<readonly Descriptor[]> {
    return this.#referrers.get(subject) ?? [];
  }

  #missing(key: string): string {
    const names = this.images.flatMap((image) => image.names).join(', ');
    return key === ''
      ? `${this.name} has several, say which: ${names}`
      : `${key} in ${this.name}, which has ${names}`;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    if (this.#spooled !== undefined) rmSync(this.#spooled, { force: true });
  }
}

async function openTar(path: string, name: string): Promise<ArchiveFiles> {
  try {
    return await ArchiveFiles.open(path);
  } catch (error) {
    throw new ImageFormatError(`${name} is no archive of images: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Newer `docker save` writes both forms; the OCI one keeps the digests. */
async function indexOf(files: ArchiveFiles, name: string): Promise<ArchiveIndex> {
  const index = ociImagesIn(files) ?? (await dockerImagesIn(files));
  if (index !== undefined) return index;
  throw new ImageFormatError(`${name} is no archive of images: it has neither index.json nor manifest.json`);
}

function isPlainFile(source: string | AsyncIterable<Uint8Array>): boolean {
  if (typeof source !== 'string' || !statSync(source).isFile()) return false;
  const head = ArchiveFiles.head(source, HEAD_BYTES);
  return detectCompression(head) === 'none';
}

async function spool(
  source: string | AsyncIterable<Uint8Array>,
  options: OpenArchiveOptions,
): Promise<string> {
  const { temporary, signal } = options;
  const path = join(temporary(), `archive-${randomBytes(8).toString('hex')}.tar`);
  const bytes = typeof source === 'string' ? createReadStream(source) : source;
  try {
    await pipeline(
      decompress(bytes, signal && { signal }),
      createWriteStream(path),
      signal ? { signal } : {},
    );
    return path;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
