import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import type { Entry, StoragePath, WalkedFile } from '../driver.js';
import { byName } from '../path.js';
import type { S3Connection } from './connection.js';
import type { Keys } from './keys.js';

/** Reads lists of objects, a page of up to a thousand at a time. */
export class Listing {
  readonly #connection: S3Connection;
  readonly #keys: Keys;

  constructor(connection: S3Connection, keys: Keys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  /** Names directly below a directory, in byte order. */
  async *entries(path: StoragePath, after: string | undefined): AsyncGenerator<Entry> {
    const prefix = this.#keys.below(path);
    const start = after === undefined ? {} : { StartAfter: `${prefix}${after}` };
    const held: Entry[] = [];
    for await (const page of this.#pages({ Prefix: prefix, Delimiter: '/', ...start })) {
      const files = page.Contents?.flatMap(({ Key }) => Key ?? []) ?? [];
      const directories = page.CommonPrefixes?.flatMap(({ Prefix }) => Prefix ?? []) ?? [];
      const found = [...files, ...directories].map((key) => entryOf(key.slice(prefix.length)));
      held.push(...found.filter(({ name }) => name !== '' && (after === undefined || name > after)));
      held.sort(byName);
      const reached = [...files, ...directories].reduce((last, key) => (key > last ? key : last), '');
      const settled = held.findIndex(({ name }) => mayBePreceded(name, reached.slice(prefix.length)));
      yield* held.splice(0, settled < 0 ? held.length : settled);
    }
    yield* held;
  }

  /** Every object below a directory, in byte order of the paths. */
  walk(path: StoragePath): AsyncGenerator<WalkedFile> {
    return this.startingWith(this.#keys.below(path));
  }

  /** Every object whose key begins so. */
  async *startingWith(prefix: string): AsyncGenerator<WalkedFile> {
    for await (const { Contents = [] } of this.#pages({ Prefix: prefix })) {
      for (const { Key, Size = 0, LastModified = new Date(0), ETag = '' } of Contents) {
        // Some tools make objects that stand for directories.
        if (Key === undefined || Key.endsWith('/')) continue;
        const [, md5] = /^"?([0-9a-f]{32})"?$/.exec(ETag) ?? [];
        const file = { path: this.#keys.pathOf(Key), size: Size, modifiedAt: LastModified };
        yield md5 === undefined ? file : { ...file, md5 };
      }
    }
  }

  async hasAnything(path: StoragePath): Promise<Date | undefined> {
    const { Contents = [] } = await this.#page({ Prefix: this.#keys.below(path), MaxKeys: 1 });
    return Contents[0] && (Contents[0].LastModified ?? new Date(0));
  }

  async *#pages(query: Query): AsyncGenerator<ListObjectsV2CommandOutput> {
    let token: string | undefined;
    do {
      const page = await this.#page({
        ...query,
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      yield page;
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  #page(query: Query): Promise<ListObjectsV2CommandOutput> {
    return this.#connection.request('ListObjectsV2', query.Prefix, (client) =>
      client.send(new ListObjectsV2Command({ Bucket: this.#connection.bucket, ...query })),
    );
  }
}

type Query = Readonly<{
  Prefix: string;
  Delimiter?: string;
  StartAfter?: string;
  MaxKeys?: number;
  ContinuationToken?: string;
}>;

/** @param key below the directory; one that ends in a slash stands for all keys below it. */
function entryOf(key: string): Entry {
  return key.endsWith('/') ? { name: key.slice(0, -1), directory: true } : { name: key, directory: false };
}

/**
 * Lists are in the order of keys, where a directory has a slash behind its name: `a-1` comes before `a/`, though `a` comes
 * before `a-1`.
 * @returns whether a directory may still come, behind the key `reached`, whose name goes before `name`.
 */
function mayBePreceded(name: string, reached: string): boolean {
  const [shortest] = /^.[^-.]*(?=[-.])/.exec(name) ?? [];
  return shortest !== undefined && `${shortest}/` > reached;
}
