import type { AppendWriter, FileInfo, StoragePath } from '../driver.js';
import { PathNotFoundError } from '../errors.js';
import { type AppendState, type AppendStates, sizeOf, tailKey } from './append-state.js';
import type { S3Connection } from './connection.js';
import type { Copies } from './copies.js';
import { isAbsent } from './errors.js';
import { fileInfo } from './file-info.js';
import type { Keys } from './keys.js';
import { Multipart } from './multipart.js';
import type { ObjectSettings, Objects } from './objects.js';
import { PartSink } from './part-sink.js';
import { MIN_PART_BYTES, partRanges } from './part-size.js';
import { Spool } from './spool.js';

/** Long, since parts of an object that is continued are made inside the store. */
const CONTINUED_PART_BYTES = 512 * 1024 ** 2;
/** States that this process remembers; the others it reads from the store. */
const MAX_REMEMBERED = 10_000;

type Parts = Readonly<{
  keys: Keys;
  objects: Objects;
  copies: Copies;
  states: AppendStates;
  settings: ObjectSettings;
}>;

/** Files that are appended to, request after request, process after process. */
export class Appends {
  readonly #connection: S3Connection;
  readonly #parts: Parts;
  readonly #partBytes: number;
  readonly #alone: boolean;
  readonly #remembered = new Map<string, AppendState>();

  constructor(connection: S3Connection, parts: Parts, options: { partBytes: number; alone: boolean }) {
    this.#connection = connection;
    this.#parts = parts;
    this.#partBytes = options.partBytes;
    this.#alone = options.alone;
  }

  async info(path: StoragePath): Promise<FileInfo | undefined> {
    const state = await this.#find(this.#parts.keys.of(path));
    return state && fileInfo(sizeOf(state), state.modifiedAt);
  }

  /** @param options `fresh`: nothing is there, the caller knows. */
  async open(path: StoragePath, options: { fresh?: boolean }): Promise<AppendWriter> {
    const key = this.#parts.keys.of(path);
    const found = options.fresh ? undefined : await this.#find(key);
    const state = found && (await this.#continuable(key, found));
    this.#remembered.delete(key); // what goes wrong from here on only the store knows
    const { multipart, tail } = state ?? {};
    const rest = new Spool();
    if (tail) await rest.write([await this.#parts.objects.get(tail.key)]);
    const { settings } = this.#parts;
    const sink = new PartSink(this.#connection, {
      key,
      settings,
      partBytes: this.#partBytes,
      rest,
      multipart,
    });
    const began = state ? sizeOf(state) : 0;
    return new S3AppendWriter(sink, began, async (size) => {
      if (state !== undefined && size === began) this.#remember(key, state);
      else await this.#keepRest(key, sink, size);
    });
  }

  /**
   * Makes an object of all that was appended, so that it can be read; more may be appended to it.
   * @returns its size, or `undefined` when there is nothing of it.
   */
  async seal(path: StoragePath): Promise<number | undefined> {
    const key = this.#parts.keys.of(path);
    const state = await this.#find(key);
    if (state === undefined) return undefined;
    const size = sizeOf(state);
    if (state.object !== undefined) return size;
    const { multipart, tail } = state;
    if (multipart && multipart.size > 0) {
      if (tail && tail.size > 0)
        await multipart.copy(multipart.next, tail.key, { start: 0, end: tail.size, whole: true });
      await multipart.complete();
    } else {
      await multipart?.abort();
      if (tail) await this.#parts.objects.copy(tail.key, key);
    }
    this.#remember(key, { object: size, modifiedAt: new Date() });
    return size;
  }

  /** Gives all that was appended another key. The old one may stay. @throws {PathNotFoundError} */
  async publish(from: StoragePath, to: StoragePath): Promise<void> {
    const { keys, objects, copies } = this.#parts;
    const [key, target] = [keys.of(from), keys.of(to)];
    const state = await this.#find(key);
    if (state === undefined) throw new PathNotFoundError(from);
    try {
      if (state.tail && !state.multipart) await objects.copy(state.tail.key, target);
      else await copies.copy(key, target, (await this.seal(from)) ?? 0);
    } catch (error) {
      this.#remembered.delete(key);
      throw isAbsent(error) ? new PathNotFoundError(from, { cause: error }) : error;
    }
  }

  /** Gives up what was appended to below a directory, or to this file. `known` is what this process knows of only. */
  async forget(path: StoragePath, options: { everywhere: boolean }): Promise<void> {
    const { keys, states } = this.#parts;
    const [key, below] = [keys.of(path), keys.below(path)];
    const isInside = (each: string) => each === key || each.startsWith(below);
    for (const each of [...this.#remembered.keys()].filter(isInside)) {
      await this.#remembered.get(each)?.multipart?.abort();
      this.#remembered.delete(each);
    }
    if (!options.everywhere) return;
    for await (const { key: each, uploadId } of states.begun(key)) {
      if (isInside(each)) await Multipart.named(this.#connection, each, uploadId).abort();
    }
  }

  async #find(key: string): Promise<AppendState | undefined> {
    const known = this.#alone ? this.#remembered.get(key) : undefined;
    return known ?? this.#parts.states.find(key);
  }

  /** A state that parts can be added to: short ones in the middle of a multipart are refused by all services. */
  async #continuable(key: string, state: AppendState): Promise<AppendState> {
    const { multipart, object } = state;
    const last = multipart?.parts.at(-1);
    if (object === undefined && (last === undefined || last.size >= MIN_PART_BYTES)) return state;
    const size = object ?? (await this.seal(this.#parts.keys.pathOf(key))) ?? 0;
    if (object !== undefined) await multipart?.abort();
    if (size < MIN_PART_BYTES) return { tail: { key, size }, modifiedAt: state.modifiedAt };
    const begun = await Multipart.begin(this.#connection, key, this.#parts.settings);
    await this.#parts.copies.into(begun, key, partRanges(size, CONTINUED_PART_BYTES));
    return { multipart: begun, modifiedAt: state.modifiedAt };
  }

  /** Puts the bytes that are in no part where the next writer finds them, whoever that is. */
  async #keepRest(key: string, sink: PartSink, size: number): Promise<void> {
    const { multipart, rest } = await sink.settle();
    const tail = { key: tailKey(key, multipart?.size ?? 0), size: rest.size };
    const keeps = rest.size > 0 || size === 0;
    if (keeps) await this.#parts.objects.putSpool(tail.key, rest);
    this.#remember(key, { multipart, tail: keeps ? tail : undefined, modifiedAt: new Date() });
  }

  #remember(key: string, state: AppendState): void {
    if (!this.#alone) return;
    this.#remembered.delete(key);
    this.#remembered.set(key, state);
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= MAX_REMEMBERED) break;
      this.#remembered.delete(oldest);
    }
  }
}

class S3AppendWriter implements AppendWriter {
  readonly #sink: PartSink;
  readonly #finish: (size: number) => Promise<void>;
  #size: number;
  #failed = false;

  /** @param finish keeps what is in no part. */
  constructor(sink: PartSink, size: number, finish: (size: number) => Promise<void>) {
    this.#sink = sink;
    this.#size = size;
    this.#finish = finish;
  }

  get size(): number {
    return this.#size;
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#sink.append(chunks);
    } catch (error) {
      this.#failed = true; // told now, not once more at the end
      throw error;
    }
    for (const { byteLength } of chunks) this.#size += byteLength;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.#failed) await this.#finish(this.#size);
    } finally {
      await this.#sink[Symbol.asyncDispose]();
    }
  }
}
