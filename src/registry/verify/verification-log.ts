import { PathNotFoundError, type StorageDriver, type StoragePath } from '../../storage/index.js';
import type { Mark, Verification } from './verification.js';

const LAST: StoragePath = '/berth/verify/last.json';
const MARK: StoragePath = '/berth/verify/mark.json';

/** What the last pass found, and where one stopped: beside the data, where the reference registry does not look. */
export class VerificationLog {
  readonly #driver: StorageDriver;

  constructor(driver: StorageDriver) {
    this.#driver = driver;
  }

  /** `undefined` before the first pass is through. */
  async last(): Promise<Verification | undefined> {
    const value = await this.#read<Verification>(LAST);
    return value && { ...value, ...timesOf(value), finishedAt: new Date(value.finishedAt) };
  }

  /** `undefined` when no pass is unfinished. */
  async mark(): Promise<Mark | undefined> {
    const value = await this.#read<Mark>(MARK);
    return value && { ...value, ...timesOf(value) };
  }

  async finish(verification: Verification): Promise<void> {
    await this.#write(LAST, verification);
    await this.#driver.delete(MARK);
  }

  /** Nobody misses one that is lost: more is read again. */
  keep(mark: Mark): Promise<void> {
    return this.#write(MARK, mark, { durable: false });
  }

  /** @returns `undefined` also for what cannot be read, as a crash may leave it. */
  async #read<T extends Readonly<{ startedAt: Date }>>(path: StoragePath): Promise<T | undefined> {
    try {
      const value = JSON.parse((await this.#driver.read(path)).toString('utf8')) as T | null;
      return value && !Number.isNaN(timesOf(value).startedAt.getTime()) ? value : undefined;
    } catch (error) {
      if (error instanceof PathNotFoundError || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  #write(path: StoragePath, value: unknown, { durable } = { durable: true }): Promise<void> {
    return this.#driver.publish([{ path, bytes: Buffer.from(`${JSON.stringify(value)}\n`), durable }]);
  }
}

function timesOf({ startedAt }: Readonly<{ startedAt: Date }>): { startedAt: Date } {
  return { startedAt: new Date(startedAt) };
}
