import type { Digest } from '../oci/index.js';

const MAX_REMEMBERED = 10_000;

/** Sizes of blobs that were there a moment ago, in bytes: clients ask for the same ones again and again. */
export class RecentSizes {
  readonly #rememberMs: number;
  readonly #sizes = new Map<Digest, Readonly<{ size: number; until: number }>>();

  /** @param rememberMs 0 remembers nothing. */
  constructor(rememberMs: number) {
    this.#rememberMs = rememberMs;
  }

  get(digest: Digest): number | undefined {
    const seen = this.#sizes.get(digest);
    return seen && performance.now() < seen.until ? seen.size : undefined;
  }

  set(digest: Digest, size: number): void {
    if (this.#rememberMs === 0) return;
    this.#sizes.delete(digest); // to the end: the map's order is the order of last sight
    this.#sizes.set(digest, { size, until: performance.now() + this.#rememberMs });
    for (const oldest of this.#sizes.keys()) {
      if (this.#sizes.size <= MAX_REMEMBERED) break;
      this.#sizes.delete(oldest);
    }
  }

  delete(digest: Digest): void {
    this.#sizes.delete(digest);
  }
}
