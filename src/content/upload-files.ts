import { randomUUID } from 'node:crypto';
import type { RepositoryName } from '../oci/index.js';
import { PathNotFoundError, type StorageDriver, type StoragePath } from '../storage/index.js';
import { UploadNotFoundError } from './errors.js';
import { uploadPath, uploadsPath } from './layout.js';
import type { ListedUpload, Upload, UploadKey } from './upload.js';

const ID = /^[A-Za-z0-9_.-]{1,128}$/;

/** What a store has of uploads: the bytes received and nothing else, and beside them when each began. */
export class UploadFiles {
  readonly #driver: StorageDriver;

  constructor(driver: StorageDriver) {
    this.#driver = driver;
  }

  async start(repository: RepositoryName): Promise<Upload> {
    const id = randomUUID();
    const bytes = Buffer.from(new Date().toISOString().replace(/\.\d+Z$/, 'Z'));
    await this.#driver.publish([{ path: startedAtPath(repository, id), bytes, durable: false }]);
    return { repository, id, offset: 0 };
  }

  /** @throws {UploadNotFoundError} */
  async get(repository: RepositoryName, id: string): Promise<Upload> {
    if (!isID(id)) throw new UploadNotFoundError(id);
    const data = await this.#driver.appended(dataPath({ repository, id }));
    const there = data ?? (await this.#driver.stat(startedAtPath(repository, id)));
    if (there === undefined) throw new UploadNotFoundError(id);
    return { repository, id, offset: data?.size ?? 0 };
  }

  /** To the second; `undefined` where there is no such upload. */
  async startedAt(repository: RepositoryName, id: string): Promise<Date | undefined> {
    if (!isID(id)) return undefined;
    const text = await this.#driver.read(startedAtPath(repository, id)).catch((error: unknown) => {
      if (error instanceof PathNotFoundError) return '';
      throw error;
    });
    const date = new Date(text.toString().trim());
    return Number.isNaN(date.getTime()) ? undefined : date;
  }

  /** Uploads of a repository, and what is left of them when their start was never written. */
  async *list(repository: RepositoryName): AsyncGenerator<ListedUpload> {
    for await (const { name: id } of this.#driver.list(uploadsPath(repository))) {
      if (!ID.test(id)) continue; // not ours
      const [started, data] = await Promise.all([
        this.#driver.stat(startedAtPath(repository, id)),
        this.#driver.appended(dataPath({ repository, id })),
      ]);
      const oldest = started ?? data ?? (await this.#driver.stat(uploadPath(repository, id)));
      if (oldest === undefined) continue;
      const startedAt = oldest.modifiedAt;
      const activeAt = data && data.modifiedAt > startedAt ? data.modifiedAt : startedAt;
      yield { repository, id, offset: data?.size ?? 0, activeAt };
    }
  }

  /** @param options `unpublished`: bytes of it may still be on their way to a name. */
  async remove({ repository, id }: UploadKey, { unpublished }: { unpublished: boolean }): Promise<void> {
    await this.#driver.delete(uploadPath(repository, id), { durable: false, unpublished });
  }
}

/** Of the bytes. */
export function dataPath({ repository, id }: UploadKey): StoragePath {
  return `${uploadPath(repository, id)}/data`;
}

function startedAtPath(repository: RepositoryName, id: string): StoragePath {
  return `${uploadPath(repository, id)}/startedat`;
}

function isID(id: string): boolean {
  return ID.test(id) && !id.startsWith('.');
}
