import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import type { WalkedFile } from '../driver.js';
import type { S3Connection } from './connection.js';
import { isAbsent } from './errors.js';
import type { Keys } from './keys.js';
import type { Listing } from './listing.js';
import { Multipart } from './multipart.js';

/** Bytes that are too few for a part, in an object of their own until more come: `data.tail-10485760`. */
export type Tail = Readonly<{ key: string; size: number }>;

/**
 * Where the bytes of a file are that is being appended to: in the parts of a multipart upload under its key, as the
 * reference registry has them, and behind those in a tail; or in an object under its key.
 */
export type AppendState = Readonly<{
  multipart?: Multipart | undefined;
  tail?: Tail | undefined;
  /** Size of the object under the key, where that is the truth. */
  object?: number | undefined;
  modifiedAt: Date;
}>;

export function sizeOf({ multipart, tail, object }: AppendState): number {
  return object ?? (multipart?.size ?? 0) + (tail?.size ?? 0);
}

export function tailKey(key: string, offset: number): string {
  return `${key}.tail-${offset}`;
}

/** Reads from the store how far a file is that somebody appended to. */
export class AppendStates {
  readonly #connection: S3Connection;
  readonly #keys: Keys;
  readonly #listing: Listing;

  constructor(connection: S3Connection, keys: Keys, listing: Listing) {
    this.#connection = connection;
    this.#keys = keys;
    this.#listing = listing;
  }

  /** @returns `undefined` when there is nothing of it. */
  async find(key: string): Promise<AppendState | undefined> {
    const [objects, multiparts] = await Promise.all([this.#objects(key), this.#multiparts(key)]);
    const at = (wanted: string) => objects.find(({ path }) => this.#keys.of(path) === wanted);
    const multipart = longest(multiparts);
    const parts = multipart?.size ?? 0;
    const object = at(key);
    // One that begins elsewhere is in a part already.
    const tail = at(tailKey(key, parts));
    const reached = parts + (tail?.size ?? 0);
    // The object was whole when it was continued: parts that do not reach as far are copies of it.
    if (object && (object.size > reached || (parts === 0 && !tail)))
      return { object: object.size, multipart, modifiedAt: object.modifiedAt };
    if (multipart === undefined && tail === undefined) return undefined;
    const times = [...(multipart?.parts ?? []), ...(tail ? [tail] : [])].map(({ modifiedAt }) => modifiedAt);
    return {
      multipart,
      tail: tail && { key: this.#keys.of(tail.path), size: tail.size },
      modifiedAt: new Date(Math.max(0, ...times.map(Number))),
    };
  }

  /** Multipart uploads whose key begins so, with the time they were begun. */
  async *begun(prefix: string): AsyncGenerator<{ key: string; uploadId: string; begunAt: Date }> {
    let markers = {};
    for (;;) {
      const page = await this.#connection.request('ListMultipartUploads', prefix, (client) =>
        client.send(
          new ListMultipartUploadsCommand({ Bucket: this.#connection.bucket, Prefix: prefix, ...markers }),
        ),
      );
      for (const { Key, UploadId, Initiated = new Date() } of page.Uploads ?? []) {
        if (Key !== undefined && UploadId !== undefined)
          yield { key: Key, uploadId: UploadId, begunAt: Initiated };
      }
      if (!page.IsTruncated) return;
      markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  }

  #objects(key: string): Promise<WalkedFile[]> {
    return Array.fromAsync(this.#listing.startingWith(key));
  }

  async #multiparts(key: string): Promise<Multipart[]> {
    const found: Multipart[] = [];
    for await (const begun of this.begun(key)) {
      if (begun.key !== key) continue;
      try {
        found.push(await Multipart.find(this.#connection, key, begun.uploadId));
      } catch (error) {
        if (!isAbsent(error)) throw error; // aborted meanwhile
      }
    }
    return found;
  }
}

function longest(multiparts: readonly Multipart[]): Multipart | undefined {
  return multiparts.toSorted((a, b) => b.size - a.size)[0];
}
