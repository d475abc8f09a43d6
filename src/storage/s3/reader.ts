import type { ByteRange, FileReader } from '../driver.js';
import type { Body } from './body-connections.js';
import type { S3Connection } from './connection.js';
import { mayPass, unavailable } from './errors.js';
import { getObject } from './get-object.js';
import { MAX_ATTEMPTS, pauseAfter } from './retry.js';

/** Reads an object as it comes. When the connection breaks it goes on with another one, from where it was. */
export class S3Reader implements FileReader {
  readonly size: number;
  readonly fileSize: number;
  readonly #connection: S3Connection;
  readonly #key: string;
  readonly #end: number;
  #position: number;
  #body: Body;
  #piece: Uint8Array = new Uint8Array();

  private constructor(
    connection: S3Connection,
    key: string,
    { body, fileSize }: { body: Body; fileSize: number },
    range: ByteRange,
  ) {
    this.#connection = connection;
    this.#key = key;
    this.#body = body;
    this.#position = range.start;
    this.#end = range.end;
    this.size = range.end - range.start;
    this.fileSize = fileSize;
  }

  /** @throws 404; 416 where the range begins behind the end. */
  static async open(connection: S3Connection, key: string, range?: ByteRange): Promise<S3Reader> {
    const opened = await getObject(connection, key, range);
    return new S3Reader(connection, key, opened, range ?? { start: 0, end: opened.fileSize });
  }

  async read(buffer: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < buffer.byteLength) {
      if (this.#piece.byteLength === 0) this.#piece = await this.take();
      if (this.#piece.byteLength === 0) break;
      const part = this.#piece.subarray(0, buffer.byteLength - filled);
      buffer.set(part, filled);
      this.#piece = this.#piece.subarray(part.byteLength);
      filled += part.byteLength;
    }
    return filled;
  }

  async take(): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const piece = await this.#body.take();
        const wanted = piece.subarray(0, this.#end - this.#position);
        this.#position += wanted.byteLength;
        return wanted;
      } catch (error) {
        if (attempt >= MAX_ATTEMPTS || !mayPass(error)) throw unavailable('GetObject', this.#key, error);
        await pauseAfter(attempt);
        await this.#reopen();
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#body.close();
  }

  async #reopen(): Promise<void> {
    this.#body.close();
    const range = { start: this.#position, end: this.#end };
    this.#body = (await getObject(this.#connection, this.#key, range)).body;
  }
}
