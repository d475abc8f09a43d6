import { write, writeSync } from 'node:fs';

/** Takes one line at a time, newline included. */
export interface LineSink {
  write(line: string): unknown;
}

const FLUSH_CHARACTERS = 16 * 1024;
const FLUSH_MS = 500;
/** Lines that wait for a reader that does not read; further ones are dropped. */
const MAX_WAITING_CHARACTERS = 8 * 1024 * 1024;
/** For a reader that is slow, and for how long in all when the process ends. */
const RETRY_MS = 20;
const LAST_TRIES = 50;

/**
 * Standard output (1) or standard error (2). `buffered` gathers lines and writes them beside the event loop, within a
 * second, when disposed of and at the exit of the process; without it each line is out when `write` returns.
 * A log that cannot be written, since its disk is full or its reader gone, is no reason to stop serving: such lines
 * are lost.
 */
export function openOutput(fd: number, options: { buffered: boolean }): LineSink & AsyncDisposable {
  if (options.buffered) return new BufferedOutput(fd);
  return { write: (line) => writeNow(fd, Buffer.from(line)), async [Symbol.asyncDispose]() {} };
}

class BufferedOutput implements LineSink, AsyncDisposable {
  readonly #fd: number;
  #waiting = '';
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(fd: number) {
    this.#fd = fd;
    process.on('exit', this.#flushNow);
  }

  write(line: string): void {
    if (this.#waiting.length > MAX_WAITING_CHARACTERS) return;
    this.#waiting += line;
    if (this.#waiting.length >= FLUSH_CHARACTERS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref();
  }

  /** Writes what is left, and stops looking after the exit of the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing || this.#waiting !== '') {
      this.#flush();
      await this.#writing;
    }
    process.off('exit', this.#flushNow);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing || this.#waiting === '') return;
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = '';
    this.#writing = writeAll(this.#fd, bytes).finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length >= FLUSH_CHARACTERS) this.#flush();
    });
  }

  readonly #flushNow = (): void => {
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = '';
    writeNow(this.#fd, bytes);
  };
}

/** Resolves when everything was written or is lost. */
function writeAll(fd: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const next = (rest: Buffer) => {
      if (rest.length === 0) return resolve();
      write(fd, rest, (error, count) => {
        if (!error) next(rest.subarray(count));
        else if (isBusy(error)) setTimeout(next, RETRY_MS, rest);
        else resolve();
      });
    };
    next(bytes);
  });
}

function writeNow(fd: number, bytes: Buffer): void {
  let written = 0;
  for (let tries = 0; written < bytes.length && tries < LAST_TRIES; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      if (!isBusy(error)) return;
      tries += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}
