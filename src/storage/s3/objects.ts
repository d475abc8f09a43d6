import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import type { S3Connection } from './connection.js';
import { isAbsent } from './errors.js';
import type { S3Options } from './options.js';
import type { Spool } from './spool.js';

/** What objects are made with, by requests of every kind. */
export type ObjectSettings = Pick<
  PutObjectCommandInput,
  'ACL' | 'StorageClass' | 'ServerSideEncryption' | 'SSEKMSKeyId' | 'ContentType'
>;

export function objectSettings({ acl, storageClass, encryption }: S3Options['objects']): ObjectSettings {
  return {
    ContentType: 'application/octet-stream',
    ...(acl === undefined ? {} : { ACL: acl }),
    ...(storageClass === undefined ? {} : { StorageClass: storageClass }),
    ...(encryption === undefined
      ? {}
      : encryption.keyId === undefined
        ? { ServerSideEncryption: 'AES256' }
        : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: encryption.keyId }),
  };
}

/** Most keys of one DeleteObjects. */
const MAX_DELETED = 1000;

/** Single objects of a bucket. */
export class Objects {
  readonly #connection: S3Connection;
  readonly #settings: ObjectSettings;

  constructor(connection: S3Connection, settings: ObjectSettings) {
    this.#connection = connection;
    this.#settings = settings;
  }

  async head(key: string): Promise<{ size: number; modifiedAt: Date } | undefined> {
    try {
      const { ContentLength = 0, LastModified = new Date(0) } = await this.#connection.request(
        'HeadObject',
        key,
        (client) => client.send(new HeadObjectCommand(this.#at(key))),
      );
      return { size: ContentLength, modifiedAt: LastModified };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** A small object as a whole. @throws 404 */
  async get(key: string): Promise<Buffer> {
    return this.#connection.request('GetObject', key, async (client) => {
      const { Body } = await client.send(new GetObjectCommand(this.#at(key)));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#connection.request('PutObject', key, (client) =>
      client.send(new PutObjectCommand({ ...this.#at(key), ...this.#settings, Body: bytes })),
    );
  }

  async putSpool(key: string, spool: Spool): Promise<void> {
    const target = { ...this.#at(key), ...this.#settings, ContentLength: spool.size };
    await this.#connection.request('PutObject', key, (client) =>
      spool.send((Body, options) => client.send(new PutObjectCommand({ ...target, Body }), options)),
    );
  }

  /** For up to 5 GiB. @throws 404 */
  async copy(from: string, to: string): Promise<void> {
    const CopySource = copySource(this.#connection.bucket, from);
    const { ContentType: _copied, ...settings } = this.#settings;
    await this.#connection.request('CopyObject', to, (client) =>
      client.send(new CopyObjectCommand({ ...this.#at(to), ...settings, CopySource })),
    );
  }

  /** What is not there is fine. Goes on after some that cannot be deleted, and throws in the end. */
  async delete(keys: readonly string[]): Promise<void> {
    const [key] = keys;
    if (key !== undefined && keys.length === 1) return this.#deleteOne(key);
    let failure: { error: unknown } | undefined;
    for (let start = 0; start < keys.length; start += MAX_DELETED) {
      try {
        await this.#deleteSome(keys.slice(start, start + MAX_DELETED));
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
  }

  async #deleteOne(key: string): Promise<void> {
    await this.#connection.request('DeleteObject', key, (client) =>
      client.send(new DeleteObjectCommand(this.#at(key))),
    );
  }

  async #deleteSome(keys: readonly string[]): Promise<void> {
    const [first = ''] = keys;
    const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
    await this.#connection.request('DeleteObjects', first, async (client) => {
      const { Errors = [] } = await client.send(
        new DeleteObjectsCommand({ Bucket: this.#connection.bucket, Delete }),
      );
      const refused = Errors.find(({ Code }) => Code !== 'NoSuchKey');
      if (refused) throw new DeleteRefusedError(refused.Code ?? 'InternalError', refused.Key ?? first);
    });
  }

  #at(key: string) {
    return { Bucket: this.#connection.bucket, Key: key };
  }
}

/** Of many deletes one failed, though the request did not. Looks like an answer of its own. */
class DeleteRefusedError extends Error {
  readonly $metadata: { httpStatusCode: number };

  constructor(code: string, key: string) {
    super(`${key} was not deleted`);
    this.name = code;
    this.$metadata = { httpStatusCode: code === 'AccessDenied' ? 403 : 500 };
  }
}

/** The SDK sends this as it is. */
export function copySource(bucket: string, key: string): string {
  return `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}
