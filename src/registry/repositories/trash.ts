import type { MetadataIndex } from '../../index/index.js';
import { PathNotFoundError, type StorageDriver, type StoragePath } from '../../storage/index.js';
import { findTrashEntry, formatTrashEntry, type TrashEntry } from './trash-entry.js';

/** Where the reference registry never looks. */
const TRASH: StoragePath = '/berth/trash';

/**
 * What was deleted and may be restored: a file for each delete, which names what must be kept for it. The bytes stay where
 * they are. The index knows of every entry, so that nothing of it counts as garbage.
 */
export class Trash {
  readonly #driver: StorageDriver;
  readonly #index: MetadataIndex;
  /** Whether what is deleted comes here; what is here already can be brought back or given up either way. */
  readonly keeps: boolean;

  constructor(driver: StorageDriver, index: MetadataIndex, { keeps }: { keeps: boolean } = { keeps: true }) {
    this.#driver = driver;
    this.#index = index;
    this.keeps = keeps;
  }

  /** Durable once this resolves. */
  async put(entries: readonly TrashEntry[]): Promise<void> {
    await this.#driver.publish(
      entries.map((entry) => ({ path: pathOf(entry.id), bytes: Buffer.from(formatTrashEntry(entry)) })),
    );
    for (const entry of entries) await this.#index.putTrash(entry);
  }

  /** Oldest first. Files that are no entries are passed over. @param onStranger is told where they are. */
  async *list(onStranger?: (path: StoragePath) => void): AsyncGenerator<TrashEntry> {
    for (const id of await this.#ids()) {
      const entry = await this.find(id);
      if (entry) yield entry;
      else onStranger?.(pathOf(id));
    }
  }

  async find(id: string): Promise<TrashEntry | undefined> {
    if (!/^[\w-]+$/.test(id)) return undefined;
    try {
      const entry = findTrashEntry((await this.#driver.read(pathOf(id))).toString('utf8'));
      return entry?.id === id ? entry : undefined; // a copy of it by another name is none
    } catch (error) {
      if (error instanceof PathNotFoundError) return undefined;
      throw error;
    }
  }

  /** Then it is nobody's business any more whether its parts are there. */
  async remove(id: string): Promise<void> {
    await this.#driver.delete(pathOf(id));
    await this.#index.dropTrash(id);
  }

  /** Makes the index agree with the files. */
  async compare(): Promise<void> {
    const known = await this.#index.trashIds();
    for (const id of await this.#ids()) {
      if (known.delete(id)) continue;
      const entry = await this.find(id);
      if (entry) await this.#index.putTrash(entry);
    }
    for (const id of known) await this.#index.dropTrash(id);
  }

  async #ids(): Promise<string[]> {
    const ids: string[] = [];
    for await (const { name, directory } of this.#driver.list(TRASH)) {
      if (!directory && name.endsWith('.json')) ids.push(name.slice(0, -'.json'.length));
    }
    return ids;
  }
}

function pathOf(id: string): StoragePath {
  return `${TRASH}/${id}.json`;
}
