import { ContainerStateError, InvalidContainerError } from '../errors.js';
import { stopSignalOf } from './configuration.js';
import type { ContainerEndings } from './container-endings.js';
import { type ContainerRecord, isAlive } from './container-record.js';
import type { HostParts } from './host-parts.js';
import type { KnownContainers } from './known-containers.js';

/** Whether something was done, or was so already. */
export type Outcome = 'changed' | 'unchanged';

/** `until`: gives up waiting, and leaves it asked. */
export type StopOptions = Readonly<{ signal?: string; seconds?: number; until?: AbortSignal }>;

/** `force`: also when it runs. `volumes`: with those that nobody named. `link`: a link is meant. */
export type RemoveOptions = Readonly<{ force?: boolean; volumes?: boolean; link?: boolean }>;

const DEFAULT_STOP_SECONDS = 10;

/** How containers come to an end because somebody wants it. What ContainerHost promises is said there. */
export class ContainerShutdown {
  readonly #parts: HostParts;
  readonly #endings: ContainerEndings;
  readonly #known: KnownContainers;

  constructor(parts: HostParts, endings: ContainerEndings, known: KnownContainers) {
    this.#parts = parts;
    this.#endings = endings;
    this.#known = known;
  }

  async stop(text: string, { signal, seconds, until }: StopOptions): Promise<Outcome> {
    const asked = await this.#askToEnd(text, signal);
    if (asked === undefined) return 'unchanged';
    if (!isAlive(asked)) return 'changed';
    const wait = seconds ?? asked.config.StopTimeout ?? DEFAULT_STOP_SECONDS;
    const ms = wait < 0 ? Number.POSITIVE_INFINITY : wait * 1000;
    const hasEnded = await this.#endings.ends(asked, ms, until);
    await this.#parts.folder(asked.id).locked(async () => {
      const record = await this.#endings.current(asked.id);
      const isSameRun = record?.state.monitor === asked.state.monitor;
      if (!hasEnded && record !== undefined && isAlive(record) && isSameRun) {
        await this.#endings.signal(record, 'SIGKILL');
        await this.#endings.expectEnd(record);
        await this.#endings.current(record.id);
      }
      this.#parts.post(asked, 'stop');
    });
    return 'changed';
  }

  async kill(text: string, signal: string): Promise<void> {
    await this.#known.locked(text, async (record) => {
      if (!isAlive(record))
        throw new ContainerStateError(
          `Cannot kill container: ${text}: container ${record.id} is not running`,
        );
      await this.#endings.signal(record, signal);
      if (!/^(?:SIG)?KILL$|^9$/i.test(signal)) return;
      this.#parts.store.setState(record.id, { isStopped: true });
      await this.#endings.expectEnd(record);
      await this.#endings.current(record.id);
    });
  }

  async remove(text: string, { force = false, volumes = false, link = false }: RemoveOptions): Promise<void> {
    if (link)
      throw new InvalidContainerError(
        '--link is not possible: a link is part of the container that was made with it; make that anew, without it',
      );
    await this.#known.locked(text, async (record) => {
      if (isAlive(record)) {
        if (!force) {
          throw new ContainerStateError(
            `cannot remove container "/${record.name}": container is running: ` +
              'stop the container before removing or force remove',
          );
        }
        this.#parts.store.setState(record.id, { isStopped: true });
        await this.#endings.signal(record, 'SIGKILL');
        await this.#endings.expectEnd(record);
        if ((await this.#endings.current(record.id)) === undefined) return; // it was to be removed at its end
      }
      await this.#endings.discard(record, { withVolumes: volumes });
    });
  }

  /** @returns it as it was; nothing when there was nothing to end. */
  #askToEnd(text: string, signal: string | undefined): Promise<ContainerRecord | undefined> {
    return this.#known.locked(text, async (record) => {
      if (record.state.status === 'dead') return undefined;
      if (record.state.status === 'restarting') {
        return this.#parts.store.setState(record.id, { status: 'exited', isStopped: true });
      }
      this.#parts.store.setState(record.id, { isStopped: true });
      if (!isAlive(record)) return undefined;
      await this.#endings.signal(record, signal ?? stopSignalOf(record.config));
      return record;
    });
  }
}
