import { type Digest, findDigest, type HashAlgorithm, hashAlgorithmOf } from '../oci/index.js';
import { PathNotFoundError, type StorageDriver, type StoragePath } from '../storage/index.js';
import { DigestMismatchError } from './errors.js';
import type { Digests } from './hash-pool.js';

/** As JSON: what the first `size` bytes hash to. */
type Kept = Readonly<{ size: number; digests: readonly string[] }>;

/**
 * What an upload hashes to so far, stored beside its bytes: another process that is asked to end it need not read them
 * again. A hash cannot be continued from it.
 */
export class UploadDigests {
  readonly #driver: StorageDriver;

  constructor(driver: StorageDriver) {
    this.#driver = driver;
  }

  /** @param size in bytes, of what was hashed. */
  async keep(upload: StoragePath, size: number, digests: Digests): Promise<void> {
    const kept: Kept = { size, digests: [...digests.values()] };
    const file = { path: pathIn(upload), bytes: Buffer.from(JSON.stringify(kept)), durable: false };
    await this.#driver.publish([file]);
  }

  /** @returns `undefined` unless all of these are known of just so many bytes. */
  async at(
    upload: StoragePath,
    size: number,
    algorithms: readonly HashAlgorithm[],
  ): Promise<Digests | undefined> {
    const kept = parse(await this.#read(upload));
    if (kept?.size !== size) return undefined;
    const known = kept.digests.flatMap((text) => findDigest(text) ?? []);
    const digests: Digests = new Map(known.map((digest) => [hashAlgorithmOf(digest), digest]));
    return algorithms.every((algorithm) => digests.has(algorithm)) ? digests : undefined;
  }

  async #read(upload: StoragePath): Promise<string> {
    try {
      return (await this.#driver.read(pathIn(upload))).toString();
    } catch (error) {
      if (error instanceof PathNotFoundError) return '';
      throw error;
    }
  }
}

/** The reference registry has no such file in an upload. */
function pathIn(upload: StoragePath): StoragePath {
  return `${upload}/digests`;
}

function parse(text: string): Kept | undefined {
  try {
    return JSON.parse(text) as Kept;
  } catch {
    return undefined; // cut off by a crash
  }
}

/** Bytes are stored under sha256, whatever the client names them by. */
export function algorithmsFor(algorithm: HashAlgorithm): readonly HashAlgorithm[] {
  return algorithm === 'sha256' ? ['sha256'] : ['sha256', algorithm];
}

/** @returns the canonical digest. @throws {DigestMismatchError} */
export function verified(digest: Digest, digests: Digests): Digest {
  const algorithm = hashAlgorithmOf(digest);
  const [canonical, actual] = [digests.get('sha256'), digests.get(algorithm)];
  if (canonical === undefined || actual === undefined) throw new Error(`no ${algorithm} digest was computed`);
  if (actual !== digest) throw new DigestMismatchError(digest, actual);
  return canonical;
}
