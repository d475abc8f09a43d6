import { randomBytes } from 'node:crypto';
import { isRunning, processIdentity } from '../linux/index.js';
import type { Digest } from '../oci/index.js';
import type { StoreDatabase } from './store-database.js';

/** A process that cannot be looked at from here is believed to run for so long. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

/**
 * Content that this process has stored or found, and is about to name. Until it ends, nobody removes that. Taken before
 * looking whether content is there, so that it cannot go between the look and the name.
 */
export class Leases {
  readonly #db: StoreDatabase;
  readonly #taken = new Set<Digest>();
  #holder: string | undefined;

  constructor(db: StoreDatabase) {
    this.#db = db;
  }

  take(...digests: readonly Digest[]): void {
    for (const digest of digests) {
      if (this.#taken.has(digest)) continue;
      this.#holder ??= `${processIdentity()}-${Date.now()}-${randomBytes(4).toString('hex')}`;
      this.#db.run('INSERT OR IGNORE INTO leases VALUES (?1, ?2)', this.#holder, digest);
      this.#taken.add(digest);
    }
  }

  /** Gives back all that was taken here: what is named or held by now stays. */
  release(): void {
    if (this.#holder !== undefined) this.#db.run('DELETE FROM leases WHERE holder = ?1', this.#holder);
    this.#taken.clear();
  }

  /** What any process that may still run has taken. Forgets those that ended without giving back. */
  all(): Digest[] {
    const holders = this.#db.column('SELECT DISTINCT holder FROM leases');
    for (const holder of holders) {
      if (isAbandoned(holder)) this.#db.run('DELETE FROM leases WHERE holder = ?1', holder);
    }
    return this.#db.column('SELECT DISTINCT digest FROM leases') as Digest[];
  }
}

function isAbandoned(holder: string): boolean {
  const running = isRunning(holder);
  return running === undefined ? Date.now() - Number(holder.split('-')[3]) > ABANDONED_MS : !running;
}
