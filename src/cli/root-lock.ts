import { randomUUID } from 'node:crypto';
import { truncateSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeDirectories } from '../linux/index.js';
import { isUnsound, primaryCode } from '../sqlite/index.js';

const BUSY = 5;
/** How long others that start at the same moment may need to write. */
const WRITE_MS = 200;
/** Longer: none of them may keep the one that was last from reading so. */
const READ_MS = 2000;

/** Has a root directory until it is stopped. */
export const SERVER = 'berth serve';

type Name = Readonly<{ command: string; pid: number; host: string; token: string }>;

/** Another process has the root directory. */
export class RootTakenError extends Error {
  override readonly name = 'RootTakenError';
  /** For people. */
  readonly holder: string;
  /** It gives it back by itself. */
  readonly isCommand: boolean;

  constructor(message: string, { holder, isCommand }: Pick<RootTakenError, 'holder' | 'isCommand'>) {
    super(message);
    this.holder = holder;
    this.isCommand = isCommand;
  }
}

/**
 * Takes a root directory for one process: what keeps changes of a repository apart is in its memory. The locks are SQLite's
 * own, which are the kernel's, on `berth/server.sqlite`: they end with the process however that ends, and hold between
 * containers that share a volume. Whoever has it only reads the file, so as to be in nobody's way; whoever wants to be the next
 * writes its name there, which needs the file for itself. Of several that come at once the last to write is the one.
 * @param options `command`: whose process it is; `name` is of what is served, and `key` of what chooses it, for messages; `waitMs`
 *   is how long the file may be somebody else's before this gives up.
 * @throws {RootTakenError} @throws {Error} no lock can be had: a read-only directory, a file system without locks.
 */
export function lockRoot(
  root: string,
  {
    command,
    name = root,
    key = 'storage.filesystem.rootdirectory',
    waitMs = WRITE_MS,
  }: { command: string; name?: string; key?: string; waitMs?: number },
): Disposable {
  const folder = join(root, 'berth');
  makeDirectories(folder);
  const path = join(folder, 'server.sqlite');
  const me = { command, pid: process.pid, host: hostname(), token: randomUUID() };
  const written = writeName(path, me, waitMs);
  const db = new DatabaseSync(path, { readOnly: true, timeout: READ_MS });
  const row = readName(db);
  if (written && row?.token === me.token) return { [Symbol.dispose]: () => db.close() };
  db.close();
  const holder = holderOf(row);
  const isServer = (row?.command ?? SERVER) === SERVER; // what an older version wrote names no command
  throw new RootTakenError(
    `cannot serve ${name}: ${isServer ? 'another ' : ''}${holder} has it; stop that one, or name another ${key}`,
    { holder, isCommand: !isServer },
  );
}

function holderOf(row: Record<string, unknown> | undefined): string {
  return row ? `${row.command ?? SERVER} (process ${row.pid} on ${row.host})` : SERVER;
}

/** Keeps the file from being written, until it is closed. */
function readName(db: DatabaseSync): Record<string, unknown> | undefined {
  return unlessBusy(() => {
    db.exec('BEGIN');
    return db.prepare('SELECT * FROM server').get();
  });
}

/** @returns whether it was written: not while a server has the file. */
function writeName(path: string, { command, pid, host, token }: Name, waitMs: number): boolean {
  const written = unlessBusy(() => {
    const db = openSound(path, waitMs);
    try {
      db.exec('BEGIN EXCLUSIVE');
      db.exec(
        'DROP TABLE IF EXISTS server; CREATE TABLE server (pid INTEGER, host TEXT, token TEXT, command TEXT)',
      );
      db.prepare('INSERT INTO server VALUES (?, ?, ?, ?)').run(pid, host, token, command);
      db.exec('COMMIT');
      return true;
    } finally {
      db.close();
    }
  });
  return written ?? false;
}

function unlessBusy<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (primaryCode(error) === BUSY) return undefined;
    throw error;
  }
}

function openSound(path: string, waitMs: number): DatabaseSync {
  try {
    return open(path, waitMs);
  } catch (error) {
    if (!isUnsound(error)) throw error;
    truncateSync(path); // whoever has a lock on it keeps it
    return open(path, waitMs);
  }
}

/** Nothing in it need survive a power cut. */
function open(path: string, timeout: number): DatabaseSync {
  const db = new DatabaseSync(path, { timeout });
  try {
    // Nothing is written beside it, so that it can be taken on a full disk, too. The last one reads what is there.
    db.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; PRAGMA schema_version');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
