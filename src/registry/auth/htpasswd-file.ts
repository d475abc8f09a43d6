import { randomBytes } from 'node:crypto';
import { access, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectories } from '../../linux/index.js';
import { reasonOf } from '../system-error.js';
import { type Htpasswd, parseHtpasswd } from './htpasswd.js';
import { hashPassword } from './password-hash.js';
import { type AuthLog, WatchedFile } from './watched-file.js';

/**
 * The users of an htpasswd file, read again when it changed.
 * @throws {Error} naming the file, and the line if that is to blame.
 */
export async function openHtpasswd(
  path: string,
  log: AuthLog,
  now: () => number,
): Promise<WatchedFile<Htpasswd>> {
  const file = new WatchedFile<Htpasswd>(
    { users: new Map(), refused: [] },
    {
      path,
      what: 'users',
      parse: (text) => reportRefused(parseHtpasswd(text), path, log),
      describe: ({ users }) => ({ users: users.size }),
      log,
      now,
    },
  );
  try {
    await file.load();
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

function reportRefused(content: Htpasswd, path: string, log: AuthLog): Htpasswd {
  for (const { line, user, why } of content.refused) {
    const remedy = `set a new password: berth user passwd --file ${path} ${user}`;
    log.warn({ path, line, user, reason: why, remedy }, 'user cannot log in');
  }
  return content;
}

function isDirectory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EISDIR';
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
