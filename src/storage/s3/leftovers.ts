import type { AppendStates } from './append-state.js';
import type { S3Connection } from './connection.js';
import { isAbsent } from './errors.js';
import { Multipart } from './multipart.js';

/** Multipart uploads that nobody will complete: no list of objects shows them, and they cost money. */
export class Leftovers {
  readonly #connection: S3Connection;
  readonly #states: AppendStates;

  constructor(connection: S3Connection, states: AppendStates) {
    this.#connection = connection;
    this.#states = states;
  }

  /** Aborts those under keys that begin so, unless something of them came since `olderThan`. */
  async remove(prefix: string, olderThan: Date): Promise<void> {
    for await (const multipart of this.find(prefix, olderThan)) await multipart.abort();
  }

  /** Those under keys that begin so of which nothing came since `olderThan`. */
  async *find(prefix: string, olderThan: Date): AsyncGenerator<Multipart> {
    for await (const { key, uploadId, begunAt } of this.#states.begun(prefix)) {
      if (begunAt >= olderThan) continue;
      try {
        const multipart = await Multipart.find(this.#connection, key, uploadId);
        if (multipart.parts.some(({ modifiedAt }) => modifiedAt >= olderThan)) continue;
        // What is appended may still be in the tail.
        const state = await this.#states.find(key);
        if (state && state.modifiedAt >= olderThan) continue;
        yield multipart;
      } catch (error) {
        if (!isAbsent(error)) throw error; // somebody was faster
      }
    }
  }
}
