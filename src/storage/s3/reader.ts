import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { noteReceived } from '../../memory/index.js';
import type { ByteRange, FileReader } from '../driver.js';
import type { S3Connection } from './connection.js';
import { mayPass, unavailable } from './errors.js';
import { MAX_ATTEMPTS, pauseAfter } from './retry.js';

type Opened = Readonly<{ body: Readable; fileSize: number }>;

/** Reads an object as it comes. When the connection breaks it goes on with another one, from where it was. */
export class S3Reader implements FileReader {
  readonly size: number;
  readonly fileSize: number;
  readonly #connection: S3Connection;
  readonly #key: string;
  readonly #end: number;
  #position: number;
  #body: Readable;
  #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  private constructor(connection: S3Connection, key: string, { body, fileSize }: Opened, range: ByteRange) {
    this.#connection = connection;
    this.#key = key;
    this.#body = body;
    this.#chunks = body[Symbol.asyncIterator]();
    this.#position = range.start;
    this.#end = range.end;
    this.size = range.end - range.start;
    this.fileSize = fileSize;
  }

  /** @throws 404; 416 where the range begins behind the end. */
  static async open(connection: S3Connection, key: string, range?: ByteRange): Promise<S3Reader> {
    const opened = await open(connection, key, range);
    return new S3Reader(connection, key, opened, range ?? { start: 0, end: opened.fileSize });
  }

  async read(buffer: Uint8Array): Promise<number> {
    const wanted = Math.min(buffer.byteLength, this.#end - this.#position);
    let filled = 0;
    for (let attempt = 1; filled < wanted; ) {
      try {
        if (this.#chunk.byteLength === 0 && !(await this.#next())) break;
      } catch (error) {
        if (attempt >= MAX_ATTEMPTS || !mayPass(error)) throw unavailable('GetObject', this.#key, error);
        await pauseAfter(attempt);
        attempt += 1;
        await this.#reopen();
        continue;
      }
      const piece = this.#chunk.subarray(0, wanted - filled);
      buffer.set(piece, filled);
      this.#chunk = this.#chunk.subarray(piece.byteLength);
      filled += piece.byteLength;
      this.#position += piece.byteLength;
    }
    return filled;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What was read to its end leaves its connection for the next request.
    if (!this.#body.readableEnded) this.#body.destroy();
  }

  async #next(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done) return false;
    noteReceived(value.byteLength);
    this.#chunk = value;
    return true;
  }

  async #reopen(): Promise<void> {
    this.#body.destroy();
    const range = { start: this.#position, end: this.#end };
    this.#body = (await open(this.#connection, this.#key, range)).body;
    this.#chunks = this.#body[Symbol.asyncIterator]();
  }
}

async function open(connection: S3Connection, key: string, range?: ByteRange): Promise<Opened> {
  return connection.request('GetObject', key, async (client) => {
    const { Body, ContentLength, ContentRange } = await client.send(
      new GetObjectCommand({
        Bucket: connection.bucket,
        Key: key,
        ...(range ? { Range: `bytes=${range.start}-${range.end - 1}` } : {}),
      }),
    );
    const total = /\/(\d+)$/.exec(ContentRange ?? '')?.[1];
    return { body: readableOf(Body), fileSize: Number(total ?? ContentLength ?? 0) };
  });
}

/** On Node a body is the message that it comes in. */
function readableOf(body: unknown): Readable {
  if (body instanceof Object && 'readableEnded' in body) return body as Readable;
  throw new TypeError('the SDK gave a body that is no stream of Node');
}
