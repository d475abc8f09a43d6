import { type Digest, encodedOf } from '../oci/index.js';
import type { StorageDriver, StoragePath } from '../storage/index.js';
import type { Blobs } from './blobs.js';
import { blobPath } from './layout.js';

/** Where neither this registry nor the reference looks for anything to serve. */
const QUARANTINE: StoragePath = '/berth/quarantine';

/** Bytes that are not what their name says. They are kept, since somebody may want to look at them. */
export class Quarantine {
  readonly #driver: StorageDriver;
  readonly #blobs: Pick<Blobs, 'remove'>;

  constructor(driver: StorageDriver, blobs: Pick<Blobs, 'remove'>) {
    this.#driver = driver;
    this.#blobs = blobs;
  }

  /**
   * Takes bytes out of their place, after which nobody is served them.
   * @returns where they are now. @throws {PathNotFoundError} there are none.
   */
  async setAside(canonical: Digest, at: Date): Promise<StoragePath> {
    const path = `${QUARANTINE}/${encodedOf(canonical)}.${at.toISOString().replace(/[-:.]/g, '')}`;
    await this.#driver.publish([{ path, from: blobPath(canonical) }]);
    await this.#blobs.remove([canonical]);
    return path;
  }

  /** Names of all that was set aside: the encoded digest, a dot and the time. */
  async *list(): AsyncGenerator<{ path: StoragePath; size: number }> {
    for await (const { name } of this.#driver.list(QUARANTINE)) {
      const path = `${QUARANTINE}/${name}`;
      const info = await this.#driver.stat(path);
      if (info && !info.directory) yield { path, size: info.size };
    }
  }
}
