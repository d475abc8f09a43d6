import { publicationOf, type Uploads } from '../../content/index.js';
import type { ContentUse } from '../../index/index.js';
import type { Digest } from '../../oci/index.js';
import type { StorageDriver } from '../../storage/index.js';
import type { Logger } from '../logger.js';

/** Somewhere else that may have the same bytes. */
export interface RepairSource {
  /** For messages: `registry.example`. */
  readonly name: string;
  /** @returns bytes that are not verified; `undefined` when it has none. @throws it cannot be asked now. */
  open(use: ContentUse, options: { signal?: AbortSignal }): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** Of those that show the same content, so many are asked for. */
const MAX_USES = 5;

/** Puts bytes back that are to be had elsewhere. */
export class Repairer {
  readonly #uploads: Uploads;
  readonly #driver: StorageDriver;
  readonly #sources: readonly RepairSource[];
  readonly #log: Logger;

  constructor(
    { uploads, driver, log }: { uploads: Uploads; driver: StorageDriver; log: Logger },
    sources: readonly RepairSource[],
  ) {
    this.#uploads = uploads;
    this.#driver = driver;
    this.#sources = sources;
    this.#log = log;
  }

  /**
   * Fetches bytes, and gives them their place once they are verified.
   * @returns the name of where they came from; `undefined` when they are nowhere to be had.
   */
  async fetch(
    canonical: Digest,
    uses: readonly ContentUse[],
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    for (const source of this.#sources) {
      for (const use of uses.slice(0, MAX_USES)) {
        try {
          if (await this.#fetchFrom(source, canonical, use, signal)) return source.name;
        } catch (error) {
          signal?.throwIfAborted();
          this.#log.warn({ error, digest: canonical, from: source.name }, 'a repair failed');
        }
      }
    }
    return undefined;
  }

  async #fetchFrom(
    source: RepairSource,
    canonical: Digest,
    use: ContentUse,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    for (const digest of new Set([use.digest, canonical])) {
      const bytes = await source.open({ ...use, digest }, signal ? { signal } : {});
      if (bytes === undefined) continue;
      await this.#uploads.take(use.repository, canonical, {
        chunk: { source: bytes },
        publish: (verified) => this.#driver.publish([publicationOf(verified)]),
      });
      return true;
    }
    return false;
  }
}
