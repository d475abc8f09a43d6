import { GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type {
  AppendWriter,
  ByteRange,
  Entry,
  FileInfo,
  FileReader,
  NewFile,
  Publication,
  StorageDriver,
  StoragePath,
  WalkedFile,
} from '../driver.js';
import { PathNotFoundError } from '../errors.js';
import { AppendStates } from './append-state.js';
import { Appends } from './appends.js';
import { clientConfig, S3Connection } from './connection.js';
import { Copies } from './copies.js';
import { isAbsent, statusOf } from './errors.js';
import { fileInfo } from './file-info.js';
import { Keys } from './keys.js';
import { Leftovers } from './leftovers.js';
import { Listing } from './listing.js';
import { S3NewFile } from './new-file.js';
import { type ObjectSettings, Objects, objectSettings } from './objects.js';
import type { S3Options } from './options.js';
import { S3Reader } from './reader.js';

/** How long a signed URL may be used, as with the reference registry. */
const SIGNED_SECONDS = 20 * 60;

/**
 * Objects in a bucket, under the keys that the reference registry gives them. A request that was answered is durable. Start
 * with appends.ts for how files grow in a store that has no appending, and no renaming either.
 */
export class S3Driver implements StorageDriver, Disposable {
  readonly name = 's3aws';
  readonly #options: S3Options;
  readonly #connection: S3Connection;
  readonly #signer: S3Client;
  readonly #keys: Keys;
  readonly #settings: ObjectSettings;
  readonly #objects: Objects;
  readonly #listing: Listing;
  readonly #appends: Appends;
  readonly #leftovers: Leftovers;

  /** @throws {StorageUnavailableError} there is no such bucket, or no answer. */
  static async open(options: S3Options): Promise<S3Driver> {
    const driver = new S3Driver(options);
    try {
      await driver.#listing.hasAnything('/');
      return driver;
    } catch (error) {
      driver[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(options: S3Options) {
    this.#options = options;
    this.#connection = new S3Connection(options);
    this.#signer = new S3Client(clientConfig(options, options.redirectEndpoint ?? options.endpoint));
    this.#keys = new Keys(options.rootDirectory);
    this.#settings = objectSettings(options.objects);
    this.#objects = new Objects(this.#connection, this.#settings);
    this.#listing = new Listing(this.#connection, this.#keys);
    const [keys, objects, settings] = [this.#keys, this.#objects, this.#settings];
    const states = new AppendStates(this.#connection, keys, this.#listing);
    const copies = new Copies(this.#connection, { objects, settings, limits: options.copies });
    this.#appends = new Appends(this.#connection, { keys, objects, copies, states, settings }, options);
    this.#leftovers = new Leftovers(this.#connection, states);
  }

  async stat(path: StoragePath): Promise<FileInfo | undefined> {
    const object = await this.#objects.head(this.#keys.of(path));
    if (object) return fileInfo(object.size, object.modifiedAt);
    const modifiedAt = await this.#listing.hasAnything(path);
    return modifiedAt && { ...fileInfo(0, modifiedAt), directory: true };
  }

  read(path: StoragePath): Promise<Buffer> {
    return this.#found(path, () => this.#objects.get(this.#keys.of(path)));
  }

  async publish(...stages: readonly (readonly Publication[])[]): Promise<void> {
    for (const stage of stages) {
      const results = await Promise.allSettled(stage.map((publication) => this.#publish(publication)));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    }
  }

  async open(path: StoragePath, range?: ByteRange): Promise<FileReader> {
    const reader = await this.#openObject(path, range);
    if (reader && reader.fileSize >= (range?.end ?? 0)) return reader;
    await reader?.[Symbol.asyncDispose]();
    // It may be one that is being appended to, and can be read only once it is an object.
    await this.#appends.seal(path);
    return this.#found(path, () => S3Reader.open(this.#connection, this.#keys.of(path), range));
  }

  append(path: StoragePath, options: { fresh?: boolean } = {}): Promise<AppendWriter> {
    return this.#appends.open(path, options);
  }

  appended(path: StoragePath): Promise<FileInfo | undefined> {
    return this.#appends.info(path);
  }

  async create(path: StoragePath): Promise<NewFile> {
    const { partBytes } = this.#options;
    const [objects, settings] = [this.#objects, this.#settings];
    return new S3NewFile(this.#connection, { key: this.#keys.of(path), objects, settings, partBytes });
  }

  list(path: StoragePath, options: { after?: string } = {}): AsyncIterable<Entry> {
    return this.#listing.entries(path, options.after);
  }

  walk(path: StoragePath): AsyncIterable<WalkedFile> {
    return this.#listing.walk(path);
  }

  async delete(path: StoragePath, options: { unpublished?: boolean } = {}): Promise<void> {
    await this.#objects.delete(await this.#inside(path, options));
  }

  async deleteAll(paths: readonly StoragePath[]): Promise<void> {
    const inside = await Promise.all(paths.map((path) => this.#inside(path)));
    await this.#objects.delete(inside.flat());
  }

  async deleteFiles(
    paths: readonly StoragePath[],
    { changedBefore }: { changedBefore?: Date | undefined } = {},
  ): Promise<(number | undefined)[]> {
    const keys = paths.map((path) => this.#keys.of(path));
    if (changedBefore === undefined) {
      await this.#objects.delete(keys);
      return keys.map(() => undefined);
    }
    const found = await Promise.all(keys.map((key) => this.#objects.head(key)));
    const sizes = found.map((object) =>
      object && object.modifiedAt < changedBefore ? object.size : undefined,
    );
    await this.#objects.delete(keys.filter((_, i) => sizes[i] !== undefined));
    return sizes;
  }

  async signedUrl(path: StoragePath, { method }: { method: 'GET' | 'HEAD' }): Promise<string> {
    const object = { Bucket: this.#connection.bucket, Key: this.#keys.of(path) };
    const command = method === 'GET' ? new GetObjectCommand(object) : new HeadObjectCommand(object);
    const signingDate = this.#connection.now();
    return getSignedUrl(this.#signer, command, { expiresIn: SIGNED_SECONDS, signingDate });
  }

  async *leftovers(olderThan: Date): AsyncGenerator<StoragePath> {
    const below = this.#keys.below(this.#options.leftoversBelow);
    for await (const { key } of this.#leftovers.find(below, olderThan)) yield this.#keys.pathOf(key);
  }

  removeLeftovers(olderThan: Date): Promise<void> {
    return this.#leftovers.remove(this.#keys.below(this.#options.leftoversBelow), olderThan);
  }

  async freeBytes(): Promise<undefined> {
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
    this.#signer.destroy();
  }

  /** The keys at and below a path, once nothing is being appended there any more. */
  async #inside(path: StoragePath, options: { unpublished?: boolean } = {}): Promise<string[]> {
    const [inside] = await Promise.all([
      Array.fromAsync(this.#listing.walk(path), (file) => this.#keys.of(file.path)),
      this.#appends.forget(path, { everywhere: options.unpublished === true }),
    ]);
    return [this.#keys.of(path), ...inside];
  }

  async #publish(publication: Publication): Promise<void> {
    const { path } = publication;
    if ('bytes' in publication) return this.#objects.put(this.#keys.of(path), publication.bytes);
    if ('from' in publication) return this.#appends.publish(publication.from, path);
    const { file } = publication;
    if (!(file instanceof S3NewFile) || file.key !== this.#keys.of(path))
      throw new TypeError(`${path} is not what the file was created for`);
    await file.commit();
  }

  /** @returns `undefined` when nothing is there, or nothing of the range. */
  async #openObject(path: StoragePath, range: ByteRange | undefined): Promise<FileReader | undefined> {
    const key = this.#keys.of(path);
    // No range of no bytes can be asked for.
    if (range && range.end <= range.start) return this.#openNothing(key);
    try {
      return await S3Reader.open(this.#connection, key, range);
    } catch (error) {
      if (isAbsent(error) || statusOf(error) === 416) return undefined;
      throw error;
    }
  }

  async #openNothing(key: string): Promise<FileReader | undefined> {
    const object = await this.#objects.head(key);
    if (object === undefined) return undefined;
    return { size: 0, fileSize: object.size, read: async () => 0, async [Symbol.asyncDispose]() {} };
  }

  async #found<T>(path: StoragePath, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw isAbsent(error) ? new PathNotFoundError(path, { cause: error }) : error;
    }
  }
}
