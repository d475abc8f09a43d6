import type { Entry } from './entry.js';
import { TarError } from './errors.js';
import type { Segment } from './sparse.js';
import { paddingOf } from './tar-format.js';
import { type Member, parseTar } from './tar-parser.js';

/** An entry of an archive. `content` can be read once, before the next entry is asked for; what is left is skipped. */
export type TarEntry = Readonly<{ entry: Entry; content: AsyncIterable<Uint8Array> }>;

/**
 * The entries of an uncompressed tar, in its order. Whatever follows its end is read and dropped, so that `source`
 * ends too.
 * @throws {TarError} garbage, an early end, a path with `..`.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const bytes = new ByteQueue(source);
  const parser = parseTar();
  try {
    for (let step = parser.next(); !step.done; ) {
      const request = step.value;
      if (request.kind === 'bytes') {
        const given = bytes.takeBuffered(request.count) ?? (await bytes.take(request.count));
        step = parser.next(given);
      } else {
        const content = new Content(bytes, request.member);
        yield { entry: request.member.entry, content: content.read() };
        await content.skip();
        step = parser.next(EMPTY);
      }
    }
    await bytes.drain();
  } finally {
    await bytes.close();
  }
}

const EMPTY = Buffer.alloc(0);

class Content {
  readonly #bytes: ByteQueue;
  readonly #member: Member;
  #missing: number;

  constructor(bytes: ByteQueue, member: Member) {
    this.#bytes = bytes;
    this.#member = member;
    this.#missing = member.stored;
  }

  read(): AsyncGenerator<Uint8Array> {
    const { sparse, entry } = this.#member;
    return sparse ? expandHoles(this.#stored(), sparse, entry.size) : this.#stored();
  }

  async skip(): Promise<void> {
    const rest = this.#missing;
    this.#missing = 0;
    await this.#bytes.skip(rest);
    // The last padding may be missing, as in what docker's client sends for `build -f -`; Go does not mind.
    await this.#bytes.take(paddingOf(this.#member.stored));
  }

  async *#stored(): AsyncGenerator<Uint8Array> {
    while (this.#missing > 0) {
      const chunk = await this.#bytes.takeUpTo(this.#missing);
      if (chunk.length === 0)
        throw new TarError(`the archive ends within ${JSON.stringify(this.#member.entry.path)}`);
      this.#missing -= chunk.length;
      yield chunk;
    }
  }
}

const ZEROS = Buffer.alloc(64 * 1024);

/** Puts zeros between the segments. */
async function* expandHoles(
  stored: AsyncIterable<Uint8Array>,
  segments: readonly Segment[],
  size: number,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  let segment = 0;
  let inSegment = 0;
  for await (let chunk of stored) {
    while (chunk.byteLength > 0) {
      const current = segments[segment];
      if (current === undefined) throw new TarError('a sparse file has more bytes than its map');
      yield* zeros(current.offset - at);
      const part = chunk.subarray(0, current.length - inSegment);
      yield part;
      chunk = chunk.subarray(part.byteLength);
      inSegment += part.byteLength;
      at = current.offset + inSegment;
      if (inSegment === current.length) [segment, inSegment] = [segment + 1, 0];
      else at = Math.max(at, current.offset + inSegment);
    }
  }
  yield* zeros(size - at);
}

function* zeros(count: number): Generator<Uint8Array> {
  for (let rest = count; rest > 0; rest -= ZEROS.length)
    yield ZEROS.subarray(0, Math.min(rest, ZEROS.length));
}

/** Chunks of any size, taken out in pieces of the size wanted. */
class ByteQueue {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Buffer = EMPTY;
  #isDone = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Without waiting, if that is possible. */
  takeBuffered(count: number): Buffer | undefined {
    if (this.#chunk.length < count) return undefined;
    const taken = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    return taken;
  }

  /** Fewer only at the end. */
  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = count; missing > 0; ) {
      const part = await this.takeUpTo(missing);
      if (part.length === 0) break;
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? (parts[0] ?? EMPTY) : Buffer.concat(parts);
  }

  /** At least one byte, but none at the end. */
  async takeUpTo(count: number): Promise<Buffer> {
    while (this.#chunk.length === 0 && !this.#isDone) {
      const { done, value } = await this.#iterator.next();
      if (done) this.#isDone = true;
      else this.#chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    return this.takeBuffered(Math.min(count, this.#chunk.length)) ?? EMPTY;
  }

  async skip(count: number): Promise<void> {
    for (let missing = count; missing > 0; ) {
      const part = await this.takeUpTo(missing);
      if (part.length === 0) throw new TarError('the archive ends within an entry');
      missing -= part.length;
    }
  }

  async drain(): Promise<void> {
    while (!this.#isDone) {
      this.#chunk = EMPTY;
      await this.takeUpTo(1);
    }
  }

  async close(): Promise<void> {
    if (!this.#isDone) await this.#iterator.return?.();
  }
}
