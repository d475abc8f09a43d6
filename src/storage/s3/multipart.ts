import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { S3Connection } from './connection.js';
import { isAbsent } from './errors.js';
import { copySource, type ObjectSettings } from './objects.js';
import type { Spool } from './spool.js';

/** `number` from 1; `size` in bytes; `etag` as the service gave it, which wants it back. */
export type Part = Readonly<{ number: number; etag: string; size: number; modifiedAt: Date }>;

/** An object being made of parts, of which nobody sees anything before it is complete. */
export class Multipart {
  readonly key: string;
  readonly #connection: S3Connection;
  readonly #uploadId: string;
  readonly #parts = new Map<number, Part>();

  private constructor(connection: S3Connection, key: string, uploadId: string) {
    this.#connection = connection;
    this.key = key;
    this.#uploadId = uploadId;
  }

  static async begin(connection: S3Connection, key: string, settings: ObjectSettings): Promise<Multipart> {
    const { UploadId } = await connection.request('CreateMultipartUpload', key, (client) =>
      client.send(new CreateMultipartUploadCommand({ Bucket: connection.bucket, Key: key, ...settings })),
    );
    return new Multipart(connection, key, known(UploadId, key));
  }

  /** One that was begun earlier, to be aborted: its parts are not known. */
  static named(connection: S3Connection, key: string, uploadId: string): Multipart {
    return new Multipart(connection, key, uploadId);
  }

  /** One that was begun earlier, perhaps elsewhere. @throws 404 it is complete or aborted. */
  static async find(connection: S3Connection, key: string, uploadId: string): Promise<Multipart> {
    const multipart = new Multipart(connection, key, uploadId);
    let marker: string | undefined;
    do {
      const page = await connection.request('ListParts', key, (client) =>
        client.send(
          new ListPartsCommand({
            Bucket: connection.bucket,
            Key: key,
            UploadId: uploadId,
            PartNumberMarker: marker,
          }),
        ),
      );
      for (const { PartNumber = 0, ETag = '', Size = 0, LastModified = new Date(0) } of page.Parts ?? [])
        multipart.#add({ number: PartNumber, etag: ETag, size: Size, modifiedAt: LastModified });
      marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    } while (marker !== undefined);
    return multipart;
  }

  /** In the order of their numbers. */
  get parts(): readonly Part[] {
    return [...this.#parts.values()].sort((a, b) => a.number - b.number);
  }

  /** Bytes of all parts. */
  get size(): number {
    return this.parts.reduce((sum, { size }) => sum + size, 0);
  }

  /** The number of the next part. */
  get next(): number {
    return (this.parts.at(-1)?.number ?? 0) + 1;
  }

  /**
   * @param before whether the part before this one was stored, once it is known: the service gets the end of this one only
   *   then, so that whoever finds the parts after a failure finds no gap between them.
   */
  async send(number: number, spool: Spool, before: Promise<boolean>): Promise<void> {
    const target = { ...this.#target, PartNumber: number, ContentLength: spool.size };
    const { ETag } = await this.#connection.request('UploadPart', this.key, (client) =>
      spool.send((Body, options) => client.send(new UploadPartCommand({ ...target, Body }), options), before),
    );
    this.#add({ number, etag: known(ETag, this.key), size: spool.size, modifiedAt: new Date() });
  }

  /** Takes bytes `[start, end)` of another object, without their passing through here; or all of its `end` bytes. */
  async copy(
    number: number,
    from: string,
    { start, end, whole }: { start: number; end: number; whole: boolean },
  ) {
    const { CopyPartResult } = await this.#connection.request('UploadPartCopy', this.key, (client) =>
      client.send(
        new UploadPartCopyCommand({
          ...this.#target,
          PartNumber: number,
          CopySource: copySource(this.#connection.bucket, from),
          ...(whole ? {} : { CopySourceRange: `bytes=${start}-${end - 1}` }),
        }),
      ),
    );
    this.#add({
      number,
      etag: known(CopyPartResult?.ETag, this.key),
      size: end - start,
      modifiedAt: new Date(),
    });
  }

  /** The object is there, in the place of what had its key, once this resolves. */
  async complete(): Promise<void> {
    const { parts, size } = this;
    const MultipartUpload = { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) };
    let attempts = 0;
    await this.#connection.request('CompleteMultipartUpload', this.key, async (client) => {
      attempts += 1;
      try {
        await client.send(new CompleteMultipartUploadCommand({ ...this.#target, MultipartUpload }));
      } catch (error) {
        // The answer to an earlier attempt may have been lost, and not all services take it twice.
        if (attempts === 1 || !isAbsent(error)) throw error;
        const there = await client.send(
          new HeadObjectCommand({ Bucket: this.#connection.bucket, Key: this.key }),
        );
        if (there.ContentLength !== size) throw error;
      }
    });
  }

  /** Gives the parts up. One that is gone already is fine. */
  async abort(): Promise<void> {
    try {
      await this.#connection.request('AbortMultipartUpload', this.key, (client) =>
        client.send(new AbortMultipartUploadCommand(this.#target)),
      );
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }

  get #target() {
    return { Bucket: this.#connection.bucket, Key: this.key, UploadId: this.#uploadId };
  }

  #add(part: Part): void {
    this.#parts.set(part.number, part);
  }
}

function known(value: string | undefined, key: string): string {
  if (value === undefined) throw new Error(`the object store answered without what names a part of ${key}`);
  return value;
}
