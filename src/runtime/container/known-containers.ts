import { ContainerNotFoundError } from '../errors.js';
import { isLeftPaused } from './container-changes.js';
import type { ContainerEndings } from './container-endings.js';
import type { ContainerRecord } from './container-record.js';
import type { HostParts } from './host-parts.js';

/** Which containers there are, as they are now: whoever looks sees to what has become of them meanwhile. */
export class KnownContainers {
  readonly #parts: HostParts;
  readonly #endings: ContainerEndings;

  constructor(parts: HostParts, endings: ContainerEndings) {
    this.#parts = parts;
    this.#endings = endings;
  }

  /** The newest first. One that cannot be seen to keeps nobody from looking at the others: it is told of. */
  async all(): Promise<ContainerRecord[]> {
    const records = this.#parts.store.all();
    const known = new Set(records.map(({ id }) => id));
    const traces = this.#parts.traces();
    const others = [...traces.ids, ...traces.attached].filter((id) => !known.has(id));
    const toSettle = new Set(others);
    for (const record of records) {
      if (this.#endings.needsCare(record, traces)) toSettle.add(record.id);
      else if (this.#endings.isOverdue(record)) this.#parts.startCleanUp(record.id);
    }
    const told = (what: string) => (error: unknown) =>
      this.#parts.notice(`${what}: ${(error as Error).message}`);
    for (const id of toSettle) await this.#settle(id).catch(told(`container ${id} cannot be seen to`));
    if (traces.attached.size > 0)
      await this.#parts.networks.reviveRelays().catch(told('ports on IPv6 cannot be published again'));
    const current = toSettle.size === 0 ? records : this.#parts.store.all();
    return current.map((record) => {
      if (record.state.status === 'dead')
        this.#parts.notice(`container ${record.id} can only be removed: ${record.state.error}`);
      return this.#endings.seen(record);
    });
  }

  /** @param text id, name or the beginning of an id. @throws {ContainerNotFoundError} @throws {AmbiguousContainerError} */
  async get(text: string): Promise<ContainerRecord> {
    const record = this.#parts.store.get(text);
    if (!this.#endings.hasEnded(record) && !isLeftPaused(record)) return record;
    await this.#settle(record.id);
    return this.#endings.seen(this.#parts.store.byId(record.id) ?? this.#parts.store.get(text));
  }

  /** Alone among all processes that change it. @param work is given it as it is. @throws as {@link get}. */
  async locked<T>(text: string, work: (record: ContainerRecord) => Promise<T>): Promise<T> {
    const { id } = this.#parts.store.get(text);
    return this.#parts.folder(id).locked(async () => {
      const record = await this.#endings.current(id);
      // Its name may be another's by now, whose lock this is not.
      if (record === undefined) throw new ContainerNotFoundError(text);
      return work(record);
    });
  }

  /** Whoever holds the lock is making it, starting it or removing it, or at this already. */
  async #settle(id: string): Promise<void> {
    await this.#parts.folder(id).lockedIfFree(async () => void (await this.#endings.current(id)));
  }
}
