import type { NewFile } from '../driver.js';
import type { S3Connection } from './connection.js';
import type { ObjectSettings, Objects } from './objects.js';
import { PartSink } from './part-sink.js';

/** An object that is written under its key from the start, and there once it is committed. */
export class S3NewFile implements NewFile {
  readonly key: string;
  readonly #objects: Objects;
  readonly #sink: PartSink;
  #size = 0;
  #committed = false;

  constructor(
    connection: S3Connection,
    options: { key: string; objects: Objects; settings: ObjectSettings; partBytes: number },
  ) {
    this.key = options.key;
    this.#objects = options.objects;
    this.#sink = new PartSink(connection, options);
  }

  get size(): number {
    return this.#size;
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    await this.#sink.append(chunks);
    for (const { byteLength } of chunks) this.#size += byteLength;
  }

  /** The object is there, durably, once this resolves. */
  async commit(): Promise<void> {
    const { multipart, rest } = await this.#sink.settle();
    if (multipart === undefined) {
      await this.#objects.putSpool(this.key, rest);
    } else {
      await this.#sink.sendLast(multipart);
      await multipart.complete();
    }
    this.#committed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // What cannot be aborted now is a leftover, which is removed one day.
      if (!this.#committed) await this.#sink.abort().catch(() => {});
    } finally {
      await this.#sink[Symbol.asyncDispose]();
    }
  }
}
