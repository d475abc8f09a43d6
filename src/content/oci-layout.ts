import { randomBytes } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  existsSync,
  fdatasyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectories } from '../linux/index.js';
import {
  algorithmOf,
  type Descriptor,
  type Digest,
  digestOfBytes,
  encodedOf,
  findDigest,
  hashAlgorithmOf,
} from '../oci/index.js';
import { ContentNotFoundError, ContentSizeError, DigestMismatchError } from './errors.js';
import { PartialFile } from './partial-file.js';

const READ_BYTES = 256 * 1024;
const LAYOUT_FILE = '{"imageLayoutVersion":"1.0.0"}';
/** Names of half-made files; readers of layouts pass over files that they do not know. */
const PARTIAL = '.partial-';
/** Half-made files of a process that was killed are removed after so long. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

export type LayoutOptions = Readonly<{
  /** Where files are written before they are whole, on the same filesystem; asked when the first one is made. */
  temporary?: () => string;
}>;

export type PutOptions = Readonly<{ onBytes?: (bytes: number) => void; signal?: AbortSignal }>;

/**
 * Verified bytes by digest in an OCI image layout. A file appears under its digest when it is whole and verified, by a
 * rename, so that processes may write to one layout side by side, and may be killed. image-spec image-layout.md.
 */
export class OciLayout {
  readonly root: string;
  readonly #temporary: () => string;

  /** Reads an existing layout, or one that {@link OciLayout.create} makes. */
  constructor(root: string, { temporary }: LayoutOptions = {}) {
    this.root = root;
    this.#temporary = temporary ?? (() => root);
  }

  /** Makes an empty layout, unless there is one. */
  static create(root: string, options: LayoutOptions = {}): OciLayout {
    const layout = new OciLayout(root, options);
    if (!existsSync(join(root, 'oci-layout'))) layout.#initialise();
    if (options.temporary === undefined) removeAbandoned(root);
    return layout;
  }

  pathOf(digest: Digest): string {
    return join(this.root, 'blobs', algorithmOf(digest), encodedOf(digest));
  }

  /** In bytes, or `undefined` when it is not there. */
  sizeOf(digest: Digest): number | undefined {
    return statSync(this.pathOf(digest), { throwIfNoEntry: false })?.size;
  }

  /** Content that is small enough for memory. @throws {ContentNotFoundError} */
  read(digest: Digest): Buffer {
    try {
      return readFileSync(this.pathOf(digest));
    } catch (error) {
      throw notFound(error, digest);
    }
  }

  /** @throws {ContentNotFoundError} */
  async open(digest: Digest, options: { offset?: number; signal?: AbortSignal } = {}) {
    const file = await open(this.pathOf(digest)).catch((error: unknown) => {
      throw notFound(error, digest);
    });
    await file.close(); // whoever asked may never read
    return readFrom(this.pathOf(digest), options);
  }

  /**
   * Stores what `source` gives, once it is whole and on disk.
   * @throws {DigestMismatchError} or {ContentSizeError}: nothing is kept.
   */
  async put(
    { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
    source: AsyncIterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<void> {
    await using partial = await PartialFile.create(this.#partialPath(), hashAlgorithmOf(digest));
    for await (const chunk of source) {
      options.signal?.throwIfAborted();
      await partial.write(chunk);
      if (partial.size > size) throw new ContentSizeError(digest, size, partial.size);
      options.onBytes?.(chunk.length);
    }
    options.signal?.throwIfAborted();
    if (partial.size !== size) throw new ContentSizeError(digest, size, partial.size);
    const actual = partial.digest();
    if (actual !== digest) throw new DigestMismatchError(digest, actual);
    await partial.moveTo(this.#placeOf(digest));
  }

  /** The name under which {@link putBytes} stores content. */
  digestOf(bytes: Uint8Array): Digest {
    return digestOfBytes('sha256', bytes);
  }

  /**
   * Stores content whose digest nobody knows yet, under its SHA-256 digest.
   * @param beforeNamed told what it is, right before others can see it.
   */
  async add(
    source: AsyncIterable<Uint8Array>,
    { beforeNamed, onBytes, signal }: PutOptions & { beforeNamed?: (digest: Digest) => void } = {},
  ): Promise<Readonly<{ digest: Digest; size: number }>> {
    await using partial = await PartialFile.create(this.#partialPath(), 'sha256');
    for await (const chunk of source) {
      signal?.throwIfAborted();
      await partial.write(chunk);
      onBytes?.(chunk.length);
    }
    const added = { digest: partial.digest(), size: partial.size };
    beforeNamed?.(added.digest);
    if (this.sizeOf(added.digest) !== added.size) await partial.moveTo(this.#placeOf(added.digest));
    return added;
  }

  /** Stores small content under its SHA-256 digest. */
  putBytes(bytes: Uint8Array): Digest {
    const digest = this.digestOf(bytes);
    if (this.sizeOf(digest) === bytes.length) return digest;
    const path = this.#partialPath();
    writeDurably(path, bytes);
    renameSync(path, this.#placeOf(digest));
    return digest;
  }

  /** Takes over a finished file, whose digest the caller knows for sure. It is moved, or removed if it is here already. */
  adopt(path: string, { digest, size }: Pick<Descriptor, 'digest' | 'size'>): void {
    if (this.sizeOf(digest) === size) rmSync(path);
    else renameSync(path, this.#placeOf(digest));
  }

  /** Waits until content that was adopted is on the disk. What is not stored is passed over. */
  async settle(digests: readonly Digest[]): Promise<void> {
    await Promise.all(
      digests
        .filter((digest) => this.sizeOf(digest) !== undefined)
        .map(async (digest) => {
          await using file = await open(this.pathOf(digest), 'r');
          await file.datasync();
        }),
    );
  }

  /** @returns the bytes that this gives back. Absent content is no failure. */
  remove(digest: Digest): number {
    const size = this.sizeOf(digest) ?? 0;
    rmSync(this.pathOf(digest), { force: true });
    return size;
  }

  /** All that is stored, in no order. */
  *digests(): Generator<Digest> {
    const blobs = join(this.root, 'blobs');
    for (const algorithm of namesIn(blobs)) {
      for (const encoded of namesIn(join(blobs, algorithm))) {
        const digest = findDigest(`${algorithm}:${encoded}`);
        if (digest !== undefined) yield digest;
      }
    }
  }

  /** The bytes of index.json, `undefined` when there is none. */
  readIndex(): Buffer | undefined {
    const path = join(this.root, 'index.json');
    return existsSync(path) ? readFileSync(path) : undefined;
  }

  /** Replaces index.json at once. Keeping several writers apart is the caller's. */
  writeIndex(bytes: Uint8Array | string): void {
    const path = this.#partialPath();
    writeFileSync(path, bytes);
    renameSync(path, join(this.root, 'index.json'));
  }

  #initialise(): void {
    makeDirectories(join(this.root, 'blobs', 'sha256'));
    if (!existsSync(join(this.root, 'index.json'))) {
      this.writeIndex(
        '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
      );
    }
    writeFileSync(join(this.root, 'oci-layout'), LAYOUT_FILE);
  }

  #partialPath(): string {
    return join(this.#temporary(), `${PARTIAL}${randomBytes(8).toString('hex')}`);
  }

  /** The path of a digest, whose directory exists. */
  #placeOf(digest: Digest): string {
    const path = this.pathOf(digest);
    makeDirectories(dirname(path));
    return path;
  }
}

function writeDurably(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'wx', 0o644);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
}

function removeAbandoned(root: string): void {
  for (const name of namesIn(root)) {
    if (!name.startsWith(PARTIAL)) continue;
    const stat = statSync(join(root, name), { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > ABANDONED_MS)
      rmSync(join(root, name), { force: true });
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  }
}

function notFound(error: unknown, digest: Digest): unknown {
  return isCode(error, 'ENOENT') ? new ContentNotFoundError(digest, { cause: error }) : error;
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

/** Opened by the first read and closed by the last: nothing is left of what nobody reads. */
async function* readFrom(
  path: string,
  { offset = 0, signal }: { offset?: number; signal?: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const options = { start: offset, highWaterMark: READ_BYTES, ...(signal && { signal }) };
  yield* createReadStream(path, options) as AsyncIterable<Uint8Array>;
}
