import type { HashAlgorithm } from '../oci/index.js';
import type { StorageDriver, StoragePath } from '../storage/index.js';
import { type Hasher, type HashPool, InlineHasher } from './hash-pool.js';

/** Hashes of uploads that pause between requests; past this number the oldest are computed again when needed. */
const MAX_KEPT = 512;
/** Below this many bytes a thread's help costs more than it gives. */
const INLINE_BYTES = 128 * 1024;
const READ_BYTES = 512 * 1024;

/** `expected` bytes in all, where that is known. */
type Wanted = Readonly<{ expected: number | undefined; algorithms: readonly HashAlgorithm[] }>;

/** The running hashes of uploads, by their ids. One that is gone is computed again from the file. */
export class UploadHashers {
  readonly #driver: StorageDriver;
  readonly #pool: HashPool;
  readonly #isBusy: (id: string) => boolean;
  readonly #kept = new Map<string, Hasher>();

  /** @param isBusy whether a request uses the hash just now. */
  constructor(driver: StorageDriver, pool: HashPool, isBusy: (id: string) => boolean) {
    this.#driver = driver;
    this.#pool = pool;
    this.#isBusy = isBusy;
  }

  /** For a new stream of bytes, which no upload may go on with. */
  open({ expected, algorithms }: Wanted): Hasher {
    const short = expected !== undefined && expected <= INLINE_BYTES;
    return short ? new InlineHasher(algorithms) : this.#pool.open(algorithms);
  }

  /** Whether what so many bytes hash to is known without reading any. */
  has(id: string, size: number, algorithms: readonly HashAlgorithm[]): boolean {
    const kept = this.#kept.get(id);
    return kept?.size === size && algorithms.every((name) => kept.algorithms.includes(name));
  }

  /** The kept one if it stands at `offset` and knows the algorithms; else one that has read the file at `path` again. */
  async at(id: string, path: StoragePath, offset: number, wanted: Wanted): Promise<Hasher> {
    const kept = this.#kept.get(id);
    const { expected = Number.POSITIVE_INFINITY } = wanted;
    const suits = expected <= Math.max(INLINE_BYTES, offset) || !(kept instanceof InlineHasher);
    if (kept && suits && this.has(id, offset, wanted.algorithms)) return kept;
    this.forget(id);
    const hasher = this.open(wanted);
    if (offset > 0) await this.#read(path, offset, hasher);
    this.keep(id, hasher);
    return hasher;
  }

  keep(id: string, hasher: Hasher): void {
    this.#kept.delete(id); // to the end: the map's order is the order of last use
    this.#kept.set(id, hasher);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) break;
      if (!this.#isBusy(oldest)) this.forget(oldest);
    }
  }

  forget(id: string): void {
    this.#kept.get(id)?.close();
    this.#kept.delete(id);
  }

  async #read(path: StoragePath, size: number, hasher: Hasher): Promise<void> {
    await using file = await this.#driver.open(path, { start: 0, end: size });
    for (let rest = size; rest > 0; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(rest, READ_BYTES));
      const count = await file.read(buffer);
      if (count === 0) break;
      await hasher.update([buffer.subarray(0, count)]);
      rest -= count;
    }
  }
}
