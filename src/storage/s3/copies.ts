import type { S3Connection } from './connection.js';
import { Multipart } from './multipart.js';
import type { ObjectSettings, Objects } from './objects.js';
import type { S3Options } from './options.js';
import { MAX_PART_BYTES, MIN_PART_BYTES, type PartRange, partRanges } from './part-size.js';

/** Gives objects other keys inside the store: their bytes do not pass through here. */
export class Copies {
  readonly #connection: S3Connection;
  readonly #objects: Objects;
  readonly #settings: ObjectSettings;
  readonly #limits: S3Options['copies'];

  constructor(
    connection: S3Connection,
    parts: { objects: Objects; settings: ObjectSettings; limits: S3Options['copies'] },
  ) {
    this.#connection = connection;
    this.#objects = parts.objects;
    this.#settings = parts.settings;
    this.#limits = parts.limits;
  }

  /** @param size of all of it, in bytes. @throws 404 nothing has the key `from`. */
  async copy(from: string, to: string, size: number): Promise<void> {
    const { thresholdBytes, partBytes } = this.#limits;
    // A part may not be empty, and only the last one short.
    const inParts = size > thresholdBytes && size > MIN_PART_BYTES;
    if (!inParts && size <= MAX_PART_BYTES) return this.#objects.copy(from, to);
    const multipart = await Multipart.begin(this.#connection, to, this.#settings);
    try {
      await this.into(multipart, from, partRanges(size, partBytes));
      await multipart.complete();
    } catch (error) {
      await multipart.abort().catch(() => {}); // the first failure tells more
      throw error;
    }
  }

  /** Makes parts of an object, side by side. */
  async into(multipart: Multipart, from: string, ranges: readonly PartRange[]): Promise<void> {
    const queue = [...ranges];
    const worker = async () => {
      for (let range = queue.shift(); range; range = queue.shift()) {
        await multipart.copy(range.number, from, { ...range, whole: ranges.length === 1 });
      }
    };
    const workers = Math.min(this.#limits.atOnce, ranges.length);
    const results = await Promise.allSettled(Array.from({ length: workers }, worker));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
