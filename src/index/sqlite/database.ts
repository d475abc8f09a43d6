import { fstatSync, readdirSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeDirectories } from '../../linux/index.js';
import { isUnsound, type Row, type SQLInputValue, SqlFile } from '../../sqlite/index.js';
import { IndexUnavailableError } from '../errors.js';
import { explained } from './failures.js';
import { createTables } from './schema.js';

/** The number of the repository that is named by the first parameter of a statement. */
export const REPOSITORY = '(SELECT id FROM repositories WHERE name = ?1)';

/** Files that SQLite has beside one with a log. https://sqlite.org/walformat.html */
const BESIDE = ['-wal', '-shm'];

/** How long a write waits for another process that is writing. Everything else in this process waits with it. */
const BUSY_MS = 1000;

/**
 * The index's file. Every call throws {@link IndexUnavailableError} when the file cannot be used now. A file that turns out to be
 * damaged is replaced by an empty one.
 */
export class Database {
  readonly #path: string;
  readonly #shared: boolean;
  #file: SqlFile;
  /** Which files of the path's folder are open, by the ends of their names; `undefined` in memory. */
  #inodes: ReadonlyMap<string, bigint> | undefined;
  #replaced = 0;

  /** @param path a file, or `:memory:`. @param options `shared`: other processes may replace the file at any time. */
  constructor(path: string, options: { shared: boolean } = { shared: false }) {
    this.#path = path;
    this.#shared = options.shared;
    this.#file = openSound(path);
    this.#identify();
  }

  /** How often the file turned out to be damaged or gone while in use, so that all that it held was lost. */
  get replaced(): number {
    return this.#replaced;
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guarded(() => this.#file.get(sql, ...values));
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.#file.all(sql, ...values));
  }

  takeWhile(wanted: (row: Row) => boolean, sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guarded(() => this.#file.takeWhile(wanted, sql, ...values));
  }

  column(sql: string, ...values: SQLInputValue[]): unknown[] {
    return this.#guarded(() => this.#file.column(sql, ...values));
  }

  first(sql: string, ...values: SQLInputValue[]): unknown[] | undefined {
    return this.#guarded(() => this.#file.first(sql, ...values));
  }

  run(sql: string, ...values: SQLInputValue[]): { changes: number; rowid: number } {
    return this.#guarded(() => this.#file.run(sql, ...values));
  }

  transaction<T>(work: () => T): T {
    return this.#guarded(() => this.#file.transaction(work));
  }

  /**
   * Somebody may have deleted the file, or put another in its place, which this process would never read; or what is beside it
   * alone, as one does who removes them one after the other while it is made anew: then processes no longer see each other's
   * writes.
   */
  replaceIfGone(): void {
    if (!this.#file.isOpen) this.#open(); // it could not be, when it was to be replaced
    const isWhole = [...(this.#inodes ?? [])].every(([end, inode]) => inodeOf(this.#path + end) === inode);
    if (!isWhole) this.#replace();
  }

  close(): void {
    this.#file.close();
  }

  #guarded<T>(work: () => T): T {
    if (this.#file.isTransaction) return work(); // a transaction is guarded as a whole
    if (this.#shared) this.replaceIfGone();
    try {
      return work();
    } catch (error) {
      if (!isUnsound(error)) throw explained(error);
      this.#replace();
      throw madeAnew(error);
    }
  }

  #replace(): void {
    // Unless another process was first. While it is open, no other file has its number; and all notice.
    if (inodeOf(this.#path) === this.#inodes?.get('')) removeFiles(this.#path);
    this.#file.close(); // which leaves alone what is under its name by now
    this.#replaced += 1;
    this.#open();
  }

  /** @throws {IndexUnavailableError} `shared`: the file cannot be opened now, and processes must not each have their own. */
  #open(): void {
    try {
      this.#file = openSound(this.#path);
      this.#identify();
    } catch (error) {
      if (this.#shared) throw isUnsound(error) ? madeAnew(error) : explained(error);
      this.#file = openDatabase(':memory:'); // the disk may take nothing any more
      this.#inodes = undefined;
    }
  }

  #identify(): void {
    const isLogged = this.#file.get('PRAGMA journal_mode')?.journal_mode === 'wal'; // not on every file system
    this.#inodes = inodesOfOpen(this.#path, isLogged ? ['', ...BESIDE] : ['']);
  }
}

function madeAnew(cause: unknown): IndexUnavailableError {
  return new IndexUnavailableError('the index was damaged and is made anew', { cause });
}

function openSound(path: string): SqlFile {
  if (path !== ':memory:') makeDirectories(dirname(path));
  try {
    return openDatabase(path);
  } catch (error) {
    if (!isUnsound(error)) throw error;
    removeFiles(path);
    return openDatabase(path);
  }
}

function inodeOf(path: string): bigint | undefined {
  if (path === ':memory:') return undefined;
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

/**
 * Of the files that this process has open under names with these ends, which may be other ones than are there by now: somebody
 * may have removed them, and somebody else made others, since they were opened. 0, which no file has, for one that is gone.
 */
function inodesOfOpen(path: string, suffixes: readonly string[]): Map<string, bigint> | undefined {
  if (path === ':memory:') return undefined;
  const place = join(realpathSync(dirname(path)), basename(path));
  const inodes = new Map(suffixes.map((suffix) => [suffix, 0n]));
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      const suffix = suffixes.find((one) => target === place + one);
      if (suffix !== undefined) inodes.set(suffix, fstatSync(Number(fd), { bigint: true }).ino);
    } catch {
      // closed meanwhile, as the one that lists them
    }
  }
  return inodes;
}

function removeFiles(path: string): void {
  if (path === ':memory:') return;
  for (const suffix of ['', ...BESIDE]) rmSync(`${path}${suffix}`, { force: true });
}

function openDatabase(path: string): SqlFile {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    createTables(db);
    db.exec('SELECT * FROM pending_deletes'); // what a start needs first is sound
    return new SqlFile(db);
  } catch (error) {
    db.close();
    throw error;
  }
}
