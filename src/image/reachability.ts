import type { Descriptor, Digest } from '../oci/index.js';
import type { LayerMemo } from './layer-memo.js';
import type { ReadContent } from './local-image.js';
import { childrenOf, parseStored } from './manifests.js';
import type { StoreDatabase } from './store-database.js';

/** Everything that some content leads to: what manifests name, what is about them, and layers in other forms. */
export class Reachability {
  readonly #db: StoreDatabase;
  readonly #memo: LayerMemo;
  readonly #read: ReadContent;

  constructor(db: StoreDatabase, memo: LayerMemo, read: ReadContent) {
    this.#db = db;
    this.#memo = memo;
    this.#read = read;
  }

  /** @returns the given content itself included. */
  from(roots: Iterable<Digest>): Set<Digest> {
    const reached = new Set<Digest>();
    const waiting = [...roots];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      waiting.push(...this.#childrenOf(next), ...this.#about(next), ...this.#memo.compressedForms(next));
    }
    return reached;
  }

  #childrenOf(digest: Digest): Digest[] {
    const row = this.#db.get('SELECT media_type, size FROM manifests WHERE digest = ?1', digest);
    if (row === undefined) return [];
    const descriptor = { digest, mediaType: String(row.media_type), size: Number(row.size) };
    return this.#readChildren(descriptor);
  }

  #readChildren(descriptor: Descriptor): Digest[] {
    try {
      return childrenOf(parseStored(this.#read(descriptor.digest), descriptor)).map(({ digest }) => digest);
    } catch {
      return []; // an index may name images that are not here; a damaged manifest names nothing
    }
  }

  #about(digest: Digest): Digest[] {
    return this.#db.column('SELECT digest FROM manifests WHERE subject = ?1', digest) as Digest[];
  }
}
