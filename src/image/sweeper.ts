import type { OciLayout } from '../content/index.js';
import type { Digest } from '../oci/index.js';
import type { LayerMemo } from './layer-memo.js';
import type { Leases } from './leases.js';
import type { Reachability } from './reachability.js';
import type { StoreDatabase } from './store-database.js';

export type Swept = Readonly<{ removed: readonly Digest[]; reclaimedBytes: number }>;

/** Other processes wait while a batch is removed. */
const BATCH = 32;

/** Removes content that nothing leads to, while other processes add and name some. */
export class Sweeper {
  readonly #db: StoreDatabase;
  readonly #layout: OciLayout;
  readonly #leases: Leases;
  readonly #reachability: Reachability;
  readonly #memo: LayerMemo;

  constructor(
    db: StoreDatabase,
    layout: OciLayout,
    leases: Leases,
    reachability: Reachability,
    memo: LayerMemo,
  ) {
    this.#db = db;
    this.#layout = layout;
    this.#leases = leases;
    this.#reachability = reachability;
    this.#memo = memo;
  }

  reachableFrom(roots: Iterable<Digest>): Set<Digest> {
    return this.#reachability.from(roots);
  }

  /** @param candidates what may be removed if nothing leads to it; all that is stored by default. */
  sweep(candidates: Iterable<Digest> = this.#layout.digests()): Swept {
    let version = this.#version();
    let kept = this.#kept();
    const victims = [...candidates].filter((digest) => !kept.has(digest));
    const removed: Digest[] = [];
    let reclaimedBytes = 0;
    for (let start = 0; start < victims.length; start += BATCH) {
      this.#db.transaction(() => {
        // Nobody can take a lease while this runs; whoever took one since the last batch is seen here.
        const current = this.#version();
        if (current !== version) {
          version = current;
          kept = this.#kept();
        }
        for (const digest of victims.slice(start, start + BATCH)) {
          if (kept.has(digest)) continue;
          reclaimedBytes += this.#remove(digest);
          removed.push(digest);
        }
      });
    }
    return { removed, reclaimedBytes };
  }

  #kept(): Set<Digest> {
    const images = this.#db.column('SELECT digest FROM images');
    const held = this.#db.column('SELECT DISTINCT digest FROM holds');
    return this.#reachability.from([...images, ...held, ...this.#leases.all()] as Digest[]);
  }

  /** Another one whenever another process may have named, held or taken something. */
  #version(): string {
    return `${this.#db.dataVersion} ${this.#leases.version}`;
  }

  #remove(digest: Digest): number {
    this.#memo.forget(digest);
    this.#db.run('DELETE FROM manifests WHERE digest = ?1', digest);
    return this.#layout.remove(digest);
  }
}
