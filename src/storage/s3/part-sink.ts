import { afterBytes, beforeBytes, bytesOf } from '../chunks.js';
import type { S3Connection } from './connection.js';
import { Multipart } from './multipart.js';
import type { ObjectSettings } from './objects.js';
import { MIN_PART_BYTES, partBytes } from './part-size.js';
import { Spool } from './spool.js';

/** Parts that are sent side by side have no more bytes than this together, or there is one. */
const MAX_UNDER_WAY_BYTES = 32 * 1024 ** 2;

/**
 * Makes parts of bytes as they come, and sends those that are full while the next one gathers. The last one, which may be
 * short, is left to the caller.
 */
export class PartSink implements AsyncDisposable {
  readonly #connection: S3Connection;
  readonly #key: string;
  readonly #settings: ObjectSettings;
  readonly #firstBytes: number;
  readonly #underWay = new Set<Promise<boolean>>();
  /** Whether the part that was begun last is stored, and all before it. */
  #last = Promise.resolve(true);
  #begun: Promise<Multipart> | undefined;
  #number: number;
  #rest: Spool;
  #failure: { error: unknown } | undefined;

  /**
   * @param options `multipart` and `rest` to go on with: parts that are in the store, and bytes behind them that are not;
   *   `partBytes` of the first parts.
   */
  constructor(
    connection: S3Connection,
    options: Readonly<{
      key: string;
      settings: ObjectSettings;
      partBytes: number;
      multipart?: Multipart | undefined;
      rest?: Spool;
    }>,
  ) {
    this.#connection = connection;
    this.#key = options.key;
    this.#settings = options.settings;
    this.#firstBytes = options.partBytes;
    this.#begun = options.multipart && Promise.resolve(options.multipart);
    this.#number = options.multipart?.next ?? 1;
    this.#rest = options.rest ?? new Spool();
  }

  /** The chunks may be reused once this resolves, which is when they have found a place. @throws what sending failed of. */
  async append(chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks;
    while (bytesOf(rest) > 0) {
      const full = partBytes(this.#number, this.#firstBytes);
      const room = full - this.#rest.size;
      await this.#rest.write(beforeBytes(rest, room));
      rest = afterBytes(rest, room);
      if (this.#rest.size >= full) await this.#sendFull(full);
    }
  }

  /**
   * Waits for the parts. Bytes that are enough for one become a part too, unless there are many short ones already.
   * @returns what is in the store: no multipart where there were too few bytes for a part; and what is not.
   * @throws what sending failed of.
   */
  async settle(): Promise<{ multipart: Multipart | undefined; rest: Spool }> {
    const full = partBytes(this.#number, this.#firstBytes);
    if (this.#begun !== undefined && this.#rest.size >= Math.max(MIN_PART_BYTES, full / 2))
      await this.#sendFull(full);
    await Promise.all(this.#underWay);
    this.#check();
    return { multipart: await this.#begun, rest: this.#rest };
  }

  /** The bytes that are in no part become the last one. */
  async sendLast(multipart: Multipart): Promise<void> {
    if (this.#rest.size > 0) await multipart.send(this.#number, this.#rest, this.#last);
  }

  /** Gives up what was sent. */
  async abort(): Promise<void> {
    await Promise.all(this.#underWay);
    const multipart = await this.#begun?.catch(() => undefined);
    await multipart?.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#rest[Symbol.asyncDispose]();
  }

  /** Resolves when there is room for another part. */
  async #sendFull(bytes: number): Promise<void> {
    this.#begun ??= Multipart.begin(this.#connection, this.#key, this.#settings);
    const multipart = await this.#begun;
    const [part, number] = [this.#rest, this.#number];
    this.#rest = new Spool();
    this.#number += 1;
    const sending = this.#send(multipart, number, part, this.#last).finally(() =>
      this.#underWay.delete(sending),
    );
    this.#last = sending;
    this.#underWay.add(sending);
    while (this.#underWay.size * bytes > MAX_UNDER_WAY_BYTES) await Promise.race(this.#underWay);
    this.#check();
  }

  /** Does not throw: whoever comes next is told. @returns whether it is stored. */
  async #send(multipart: Multipart, number: number, part: Spool, before: Promise<boolean>): Promise<boolean> {
    try {
      await multipart.send(number, part, before);
      return true;
    } catch (error) {
      this.#failure ??= { error };
      return false;
    } finally {
      await part[Symbol.asyncDispose]();
    }
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
