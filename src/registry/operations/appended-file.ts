import { type FileHandle, open, stat } from 'node:fs/promises';

/** Others than root and the group may not read it. */
const MODE = 0o640;
const LOOK_EVERY_MS = 1000;
const RETRY_MS = 1000;
/** What waits for a disk that is full; further lines are dropped. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/**
 * A file that lines are added to, in order, by this process and others. When somebody has moved it away, as logrotate does, it is made
 * anew within a second, or at once by {@link reopen}.
 */
export class AppendedFile implements AsyncDisposable {
  readonly #path: string;
  #file: FileHandle;
  #lookedAt = performance.now();
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #problem: unknown;
  #mustReopen = false;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** @throws when it cannot be written. */
  static async open(path: string): Promise<AppendedFile> {
    return new AppendedFile(path, await open(path, 'a', MODE));
  }

  /** Why lines do not get into it, if so. */
  get problem(): unknown {
    return this.#problem;
  }

  /**
   * Resolves once the line is in the file, or that has failed: it is tried again then.
   * @returns false when it is dropped, for want of room.
   */
  async write(line: string): Promise<boolean> {
    if (this.#waitingBytes > MAX_WAITING_BYTES) return false;
    const bytes = Buffer.from(line);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#problem === undefined) await this.#flush();
    return true;
  }

  /** Before the next line. */
  reopen(): void {
    this.#mustReopen = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#flush();
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    // What came while something was written is written after that.
    await this.#writing;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await this.#reopenIfMoved();
      while (this.#waiting.length > 0) await this.#writeWaiting();
      this.#problem = undefined;
    } catch (error) {
      this.#problem = error;
      this.#timer = setTimeout(() => void this.#flush(), RETRY_MS).unref();
    }
  }

  async #writeWaiting(): Promise<void> {
    let rest = Buffer.concat(this.#waiting);
    this.#waiting = [];
    try {
      while (rest.length > 0) {
        const { bytesWritten } = await this.#file.write(rest);
        rest = rest.subarray(bytesWritten);
        this.#waitingBytes -= bytesWritten;
      }
    } catch (error) {
      this.#waiting.unshift(rest); // half a line may be there, and the rest of it follows
      throw error;
    }
  }

  async #reopenIfMoved(): Promise<void> {
    const isTime = performance.now() - this.#lookedAt > LOOK_EVERY_MS;
    if (!this.#mustReopen && !isTime) return;
    this.#lookedAt = performance.now();
    if (!this.#mustReopen && (await this.#isInPlace())) return;
    const next = await open(this.#path, 'a', MODE);
    await this.#file.close();
    this.#file = next;
    this.#mustReopen = false;
  }

  async #isInPlace(): Promise<boolean> {
    const [own, found] = await Promise.all([
      this.#file.stat(),
      stat(this.#path).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      }),
    ]);
    return own.ino === found?.ino && own.dev === found.dev;
  }
}
