import { appendFileSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import type { Digest } from '../oci/index.js';
import type { StoreDatabase } from './store-database.js';
import type { TemporaryFiles } from './temporary-files.js';

/** The end of its name. A digest in each line; an empty line gives back all before it. */
const FILE = '.leases';

/**
 * Content that this process has stored or found, and is about to name. Until it ends, nobody removes that. Taken before
 * looking whether content is there, so that it cannot go between the look and the name. A process that is no more needs
 * none, so they are in a file that nobody waits for to be on the disk; the database's lock keeps sweeps apart from it.
 */
export class Leases {
  readonly #db: StoreDatabase;
  readonly #temporary: TemporaryFiles;
  readonly #taken = new Set<Digest>();
  #hasFile = false;

  constructor(db: StoreDatabase, temporary: TemporaryFiles) {
    this.#db = db;
    this.#temporary = temporary;
  }

  take(...digests: readonly Digest[]): void {
    const fresh = digests.filter((digest) => !this.#taken.has(digest));
    if (fresh.length === 0) return;
    this.#db.transaction(() => this.#append(fresh.map((digest) => `${digest}\n`).join('')));
    for (const digest of fresh) this.#taken.add(digest);
  }

  /** Gives back all that was taken here: what is named or held by now stays. */
  release(): void {
    if (this.#taken.size > 0) this.#append('\n');
    this.#taken.clear();
  }

  /** What any process that may still run has taken. */
  all(): Digest[] {
    return this.#temporary.inUse(FILE).flatMap((path) => {
      const current = read(path).split('\n\n').at(-1) ?? '';
      return current.split('\n').filter((line) => line !== '') as Digest[];
    });
  }

  /** Another text whenever {@link all} may have more in it. */
  get version(): string {
    // The files only grow.
    return this.#temporary
      .inUse(FILE)
      .map((path) => `${path}:${sizeOf(path)}`)
      .join();
  }

  /** Gives back all, at the end. */
  close(): void {
    if (this.#hasFile) rmSync(this.#temporary.fileFor(FILE), { force: true });
    this.#hasFile = false;
    this.#taken.clear();
  }

  #append(text: string): void {
    this.#hasFile = true;
    const path = this.#temporary.fileFor(FILE);
    const size = sizeOf(path);
    try {
      appendFileSync(path, text);
    } catch (error) {
      if (sizeOf(path) > size) truncateSync(path, size); // half a line would spoil the next
      throw error;
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** @returns nothing for a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
