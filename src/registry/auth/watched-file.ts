import { readFile, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { reasonOf } from '../system-error.js';

/** The little that is needed of a logger. */
export type AuthLog = Readonly<{
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}>;

export type WatchedFileOptions<Content> = Readonly<{
  path: string;
  /** What it holds, for the log: `users`. */
  what: string;
  parse: (text: string) => Content;
  /** Fields for the log. */
  describe?: (content: Content) => object;
  log: AuthLog;
  /** Milliseconds of any clock. */
  now: () => number;
}>;

const CHECK_EVERY_MS = 1000;
/** A file that changed this recently may still be written: htpasswd(1) empties it first. */
const SETTLED_AFTER_MS = 100;
const MAX_BYTES = 16 * 1024 * 1024;

/** A file that is read again when it changed, looked at once a second at most and only when asked. */
export class WatchedFile<Content> {
  readonly #options: WatchedFileOptions<Content>;
  #content: Content;
  #version = '';
  #checkedAt: number;

  /** @param initial its content until it is read, by {@link load} or once it is there. */
  constructor(initial: Content, options: WatchedFileOptions<Content>) {
    this.#content = initial;
    this.#options = options;
    this.#checkedAt = options.now();
  }

  /** Never fails: while the file is missing or malformed, what it said before stays in force. */
  async content(): Promise<Content> {
    const now = this.#options.now();
    if (now - this.#checkedAt >= CHECK_EVERY_MS || now < this.#checkedAt) {
      this.#checkedAt = now; // first, so that others go on with the old content meanwhile
      await this.#refresh();
    }
    return this.#content;
  }

  /** Reads it now. @throws {Error} it cannot be read, or says nothing that can be parsed. */
  async load(): Promise<Content> {
    return this.#load(await this.#settledVersion());
  }

  async #refresh(): Promise<void> {
    const { path, what, log, describe = () => ({}) } = this.#options;
    let version = 'unreadable';
    try {
      version = await versionOf(path);
      if (version === this.#version) return;
      version = await this.#settledVersion();
      log.info({ path, ...describe(await this.#load(version)) }, `${what} reloaded`);
    } catch (error) {
      if (version === this.#version) return; // this was said already
      this.#version = version;
      log.warn({ path, reason: reasonOf(error) }, `${what} not reloaded, the old ones stay`);
    }
  }

  async #load(version: string): Promise<Content> {
    const { path, parse } = this.#options;
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    this.#content = parse(await readFile(path, 'utf8'));
    this.#version = version;
    return this.#content;
  }

  async #settledVersion(): Promise<string> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const { mtimeMs } = await stat(this.#options.path);
      const age = Date.now() - mtimeMs;
      if (age < 0 || age >= SETTLED_AFTER_MS) break;
      await setTimeout(SETTLED_AFTER_MS - age);
    }
    return versionOf(this.#options.path);
  }
}

async function versionOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${dev}:${ino}:${size}:${mtimeNs}`;
}
