import { randomBytes } from 'node:crypto';
import { access, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { makeDirectories } from '../../linux/index.js';
import { reasonOf } from '../system-error.js';
import { type Htpasswd, parseHtpasswd } from './htpasswd.js';
import { hashPassword } from './password-hash.js';

/** The little that is needed of a logger. */
export type AuthLog = Readonly<{
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}>;

const CHECK_EVERY_MS = 1000;
/** A file that changed this recently may still be written: htpasswd(1) empties it first. */
const SETTLED_AFTER_MS = 100;
const MAX_BYTES = 16 * 1024 * 1024;

/** An htpasswd file that is read again when it changed, looked at once a second at most and only when asked. */
export class HtpasswdFile {
  readonly #path: string;
  readonly #log: AuthLog;
  readonly #now: () => number;
  #content: Htpasswd = { users: new Map(), refused: [] };
  #version = '';
  #checkedAt: number;

  private constructor(path: string, log: AuthLog, now: () => number) {
    this.#path = path;
    this.#log = log;
    this.#now = now;
    this.#checkedAt = now();
  }

  /** @throws {Error} naming the file, and the line if that is to blame. */
  static async open(path: string, log: AuthLog, now: () => number): Promise<HtpasswdFile> {
    const file = new HtpasswdFile(path, log, now);
    try {
      await file.#load(await file.#settledVersion());
    } catch (error) {
      // Debian's docker-registry is shipped with a directory here: it starts, and lets nobody in.
      if (!isDirectory(error)) {
        throw new Error(`auth.htpasswd.path: cannot read users from ${path}: ${reasonOf(error)}`, {
          cause: error,
        });
      }
      const remedy = 'name a file in auth.htpasswd.path, and add users with berth user add';
      log.warn({ path, remedy }, 'the password file is a directory: nobody can log in');
    }
    return file;
  }

  /** Never fails: while the file is missing or malformed, what it said before stays in force. */
  async content(): Promise<Htpasswd> {
    if (this.#now() - this.#checkedAt >= CHECK_EVERY_MS) {
      this.#checkedAt = this.#now(); // first, so that others go on with the old content meanwhile
      await this.#refresh();
    }
    return this.#content;
  }

  async #refresh(): Promise<void> {
    let version = 'unreadable';
    try {
      version = await versionOf(this.#path);
      if (version === this.#version) return;
      version = await this.#settledVersion();
      await this.#load(version);
      this.#log.info({ path: this.#path, users: this.#content.users.size }, 'users reloaded');
    } catch (error) {
      if (version === this.#version) return; // this was said already
      this.#version = version;
      this.#log.warn({ path: this.#path, reason: reasonOf(error) }, 'users not reloaded, the old ones stay');
    }
  }

  async #load(version: string): Promise<void> {
    const { size } = await stat(this.#path);
    if (size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    this.#content = parseHtpasswd(await readFile(this.#path, 'utf8'));
    this.#version = version;
    for (const { line, user, why } of this.#content.refused) {
      const remedy = `set a new password: berth user passwd --file ${this.#path} ${user}`;
      this.#log.warn({ path: this.#path, line, user, reason: why, remedy }, 'user cannot log in');
    }
  }

  async #settledVersion(): Promise<string> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const { mtimeMs } = await stat(this.#path);
      const age = Date.now() - mtimeMs;
      if (age < 0 || age >= SETTLED_AFTER_MS) break;
      await setTimeout(SETTLED_AFTER_MS - age);
    }
    return versionOf(this.#path);
  }
}

function isDirectory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EISDIR';
}

async function versionOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${dev}:${ino}:${size}:${mtimeNs}`;
}

/**
 * Makes the file with one user, `docker`, if there is none, as the reference registry does.
 * @returns the password, to be shown to whoever started the program; `undefined` if there was a file.
 */
export async function createMissingHtpasswd(path: string): Promise<string | undefined> {
  const exists = await access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  if (exists) return undefined;
  const password = randomBytes(32).toString('base64url');
  const line = `docker:${await hashPassword(password, 10)}\n`;
  try {
    makeDirectories(dirname(path), 0o700);
    await using file = await open(path, 'wx', 0o600);
    await file.writeFile(line);
    await file.sync();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined; // another process was faster
    throw new Error(`auth.htpasswd.path: cannot make the missing ${path}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  return password;
}
