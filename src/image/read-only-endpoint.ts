import type { ImageEndpoint, Pushed } from '../content/index.js';
import type { Descriptor, Digest } from '../oci/index.js';

/** A place that images only come from. */
export abstract class ReadOnlyEndpoint implements ImageEndpoint {
  abstract readonly name: string;
  abstract resolve(key: string): Promise<Descriptor>;
  abstract fetch(
    descriptor: Descriptor,
    options?: { offset?: number; signal?: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>>;

  async has(): Promise<boolean> {
    return false;
  }

  async push(): Promise<Pushed> {
    throw this.#refusal();
  }

  async tag(): Promise<void> {
    throw this.#refusal();
  }

  async referrers(_subject: Digest, _options?: { signal?: AbortSignal }): Promise<readonly Descriptor[]> {
    return [];
  }

  async finish(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #refusal(): Error {
    return new Error(`cannot write to ${this.name}: it is open for reading only`);
  }
}
