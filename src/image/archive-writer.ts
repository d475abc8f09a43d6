import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  ContentNotFoundError,
  ContentSizeError,
  DigestMismatchError,
  type ImageEndpoint,
  OciLayout,
  type OpenContent,
  type Pushed,
  type PushOptions,
} from '../content/index.js';
import type { Entry } from '../layer/index.js';
import { type Descriptor, type Digest, digestOf, hashAlgorithmOf } from '../oci/index.js';
import type { ArchiveOutput } from './archive-output.js';
import { isManifestType } from './manifests.js';
import { Slots } from './slots.js';

export type ArchiveWriterOptions = Readonly<{
  name: string;
  output: ArchiveOutput;
  /** For content that has to wait for its turn in the archive. */
  temporary: () => string;
}>;

/**
 * An archive that images are written to. What comes while nothing else is being written goes straight into it; the
 * rest waits in files.
 */
export abstract class ArchiveWriter implements ImageEndpoint {
  readonly name: string;
  protected readonly output: ArchiveOutput;
  /** Manifests by digest, since those in the archive may be others. */
  protected readonly manifests = new Map<Digest, Buffer>();
  readonly #temporary: () => string;
  readonly #turn = new Slots(1);
  readonly #written = new Set<Digest>();
  #waiting: OciLayout | undefined;

  constructor({ name, output, temporary }: ArchiveWriterOptions) {
    this.name = name;
    this.output = output;
    this.#temporary = temporary;
  }

  async resolve(): Promise<Descriptor> {
    throw new Error(`cannot read from ${this.name} while it is written`);
  }

  async has(descriptor: Descriptor): Promise<boolean> {
    return this.#written.has(descriptor.digest);
  }

  async fetch(descriptor: Descriptor): Promise<AsyncIterable<Uint8Array>> {
    throw new ContentNotFoundError(descriptor.digest);
  }

  async push(descriptor: Descriptor, open: OpenContent, options: PushOptions = {}): Promise<Pushed> {
    if (this.#written.has(descriptor.digest)) return 'present';
    if (isManifestType(descriptor.mediaType))
      await this.pushManifest(descriptor, await readAll(descriptor, await open(0)));
    else await this.pushBlob(descriptor, watched(await open(0), options));
    return 'sent';
  }

  async referrers(): Promise<readonly Descriptor[]> {
    return [];
  }

  abstract tag(descriptor: Descriptor, key: string): Promise<void>;
  abstract finish(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#waiting !== undefined) rmSync(this.#waiting.root, { recursive: true, force: true });
    await this.output[Symbol.asyncDispose]();
  }

  protected async pushManifest(descriptor: Descriptor, bytes: Buffer): Promise<void> {
    this.manifests.set(descriptor.digest, bytes);
  }

  protected abstract pushBlob(descriptor: Descriptor, source: AsyncIterable<Uint8Array>): Promise<void>;

  /** Writes a blob, verified; if others are being written, it waits in a file. */
  protected async writeBlob(descriptor: Descriptor, source: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#written.has(descriptor.digest)) return;
    if (!this.#turn.isBusy) return this.#append(descriptor, source);
    const waiting = this.waiting;
    await waiting.put(descriptor, source);
    await this.#append(descriptor, await waiting.open(descriptor.digest));
    waiting.remove(descriptor.digest);
  }

  protected hasWritten(digest: Digest): boolean {
    return this.#written.has(digest);
  }

  /** Where content lies until its turn comes. */
  protected get waiting(): OciLayout {
    this.#waiting ??= OciLayout.create(join(this.#temporary(), `archive-${process.hrtime.bigint()}`));
    return this.#waiting;
  }

  protected writeFile(path: string, content: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(content);
    return this.#turn.use(() => this.output.add(fileEntry(path, bytes.length), [bytes]));
  }

  #append(descriptor: Descriptor, source: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#turn.use(async () => {
      if (this.#written.has(descriptor.digest)) return;
      await this.output.add(
        fileEntry(blobPath(descriptor.digest), descriptor.size),
        verified(descriptor, source),
      );
      this.#written.add(descriptor.digest);
    });
  }
}

/** Where an OCI layout has a blob. */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** Always the same, so that equal images make equal archives. */
function fileEntry(path: string, size: number): Entry {
  return { path, type: 'file', mode: 0o644, uid: 0, gid: 0, size, mtime: 0 };
}

/** Passes bytes on; fails at the end unless they are what was promised. The archive is not finished then. */
async function* verified(
  descriptor: Descriptor,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const algorithm = hashAlgorithmOf(descriptor.digest);
  const hasher = createHash(algorithm);
  let size = 0;
  for await (const chunk of source) {
    hasher.update(chunk);
    size += chunk.length;
    if (size > descriptor.size) break;
    yield chunk;
  }
  if (size !== descriptor.size) throw new ContentSizeError(descriptor.digest, descriptor.size, size);
  const actual = digestOf(algorithm, hasher.digest('hex'));
  if (actual !== descriptor.digest) throw new DigestMismatchError(descriptor.digest, actual);
}

async function* watched(source: AsyncIterable<Uint8Array>, { onBytes, signal }: PushOptions) {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    yield chunk;
    onBytes?.(chunk.length);
  }
}

async function readAll(descriptor: Descriptor, source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(verified(descriptor, source)));
}
