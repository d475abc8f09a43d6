import { createHash, type Hash, hash } from 'node:crypto';

/**
 * The SHA-256 of a file of so many bytes, in hexadecimal. Most files come as one chunk, which is hashed at once: a hash
 * that could go on takes longer to make than to fill.
 */
export class ContentHash {
  readonly #size: number;
  #whole: string | undefined;
  #running: Hash | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  add(chunk: Uint8Array): void {
    if (chunk.byteLength === this.#size) this.#whole = hash('sha256', chunk);
    else this.#begun().update(chunk);
  }

  digest(): string {
    return this.#whole ?? this.#begun().digest('hex');
  }

  #begun(): Hash {
    this.#running ??= createHash('sha256');
    return this.#running;
  }
}
