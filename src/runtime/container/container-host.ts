import { setTimeout } from 'node:timers/promises';
import { ContainerStateError, RuntimeUnavailableError } from '../errors.js';
import { findRuntime } from '../machine.js';
import type { Networks } from '../networks/index.js';
import type { RuntimeProgram } from '../oci-runtime.js';
import type { RuntimeEvents } from '../runtime-events.js';
import { treeBytes, type Volumes } from '../volumes/index.js';
import type { CreateBody, EndpointSettings } from './configuration.js';
import {
  type ContainerUpdate,
  type PauseOptions,
  pauseContainer,
  renameContainer,
  unpauseContainer,
  updateContainer,
} from './container-changes.js';
import { ContainerCreation, type CreateOptions } from './container-creation.js';
import { ContainerEndings } from './container-endings.js';
import { ContainerFiles } from './container-files.js';
import type { ContainerFolder } from './container-folder.js';
import { ContainerLauncher, type LaunchOptions } from './container-launcher.js';
import { type ContainerRecord, isAlive } from './container-record.js';
import {
  ContainerShutdown,
  type Outcome,
  type RemoveOptions,
  type StopOptions,
} from './container-shutdown.js';
import type { HealthResult } from './health.js';
import { HealthDuty } from './health-duty.js';
import { type ContainerHostOptions, HostParts } from './host-parts.js';
import { KnownContainers } from './known-containers.js';
import { connectNetwork, disconnectNetwork, forgetMember } from './network-membership.js';
import { noteHealth } from './note-health.js';
import type { OciControl } from './oci-control.js';
import { restartDelay, wantsRestart, wantsStartAtBoot } from './restart-policy.js';

type Signals = Readonly<{ signal?: AbortSignal }>;

const LOOK_AGAIN_MS = 200;

/**
 * The containers of this machine: what becomes of them, from being made to being removed. Any number of processes may use
 * it at once, and each may be killed at any point: whoever looks next finds out what is true. A container belongs to none
 * of them, but to its monitor.
 */
export class ContainerHost implements Disposable {
  readonly #parts: HostParts;
  readonly #endings: ContainerEndings;
  readonly #known: KnownContainers;
  readonly #creation: ContainerCreation;
  readonly #launcher: ContainerLauncher;
  readonly #shutdown: ContainerShutdown;
  readonly #files: ContainerFiles;

  /** @throws when the directory cannot be used. */
  static open(options: ContainerHostOptions): ContainerHost {
    return new ContainerHost(new HostParts(options));
  }

  private constructor(parts: HostParts) {
    this.#parts = parts;
    this.#endings = new ContainerEndings(parts);
    this.#known = new KnownContainers(parts, this.#endings);
    this.#creation = new ContainerCreation(parts, (text) => this.get(text));
    this.#launcher = new ContainerLauncher(parts, this.#endings, (text) => this.running(text));
    this.#shutdown = new ContainerShutdown(parts, this.#endings, this.#known);
    this.#files = new ContainerFiles(parts, (text, work) => this.#known.locked(text, work));
  }

  [Symbol.dispose](): void {
    this.#parts[Symbol.dispose]();
  }

  get events(): RuntimeEvents {
    return this.#parts.events;
  }

  get networks(): Networks {
    return this.#parts.networks;
  }

  /** What containers have in their root filesystems. */
  get files(): ContainerFiles {
    return this.#files;
  }

  get volumes(): Volumes {
    return this.#parts.volumes;
  }

  // Looking

  /** All of them, the newest first, as they are now. */
  list(): Promise<ContainerRecord[]> {
    return this.#known.all();
  }

  /** As {@link list}, and sees to what no container is known by: namespaces, and who answers for names. */
  async repair(): Promise<void> {
    await this.list();
    await this.#parts.networks.tidy();
  }

  /** @param text id, name or the beginning of an id. @throws {ContainerNotFoundError} @throws {AmbiguousContainerError} */
  get(text: string): Promise<ContainerRecord> {
    return this.#known.get(text);
  }

  folder(id: string): ContainerFolder {
    return this.#parts.folder(id);
  }

  /** Its first process. @throws {ContainerStateError} it does not run. */
  async running(text: string): Promise<ContainerRecord> {
    const record = await this.get(text);
    if (isAlive(record)) return record;
    throw new ContainerStateError(`container ${record.id} is not running`);
  }

  /** The runtime's commands for containers that run. */
  control(): Promise<OciControl> {
    return this.#parts.control();
  }

  /** The program that makes containers here; nothing where none is installed. */
  async findRuntime(): Promise<RuntimeProgram | undefined> {
    try {
      return await findRuntime(this.#parts.machineOptions);
    } catch (error) {
      if (error instanceof RuntimeUnavailableError) return undefined;
      throw error;
    }
  }

  /** Bytes that it has written in its root filesystem. */
  changedBytes({ id }: ContainerRecord): Promise<number> {
    return treeBytes(this.#parts.folder(id).file('u'));
  }

  /** Bytes of its image. */
  imageBytes({ image, state }: ContainerRecord): number {
    return state.status === 'dead' ? 0 : this.#parts.images.sizeOf(image.manifest);
  }

  // Life

  /** @throws {ImageNotFoundError} @throws {ContainerConflictError} @throws {InvalidContainerError} */
  create(body: CreateBody, options: CreateOptions = {}): Promise<ContainerRecord> {
    return this.#creation.create(body, options);
  }

  /**
   * Runs its command.
   * @throws {ContainerStartError} the command cannot be started. @throws {RuntimeError} the container cannot be made.
   */
  async start(text: string, options: LaunchOptions = {}): Promise<Outcome> {
    return this.#known.locked(text, async (record) => {
      if (record.state.status === 'paused') {
        throw new ContainerStateError('cannot start a paused container, try unpause instead');
      }
      if (isAlive(record)) return 'unchanged';
      if (record.state.status === 'dead')
        throw new ContainerStateError(`cannot start container ${record.id}: ${record.state.error}`);
      this.#parts.store.setState(record.id, { isStopped: false, restartCount: 0, backoffMs: 0 });
      await this.#launcher.launch(record, options);
      return 'changed';
    });
  }

  /**
   * Asks it to end, and ends it after a time, in which others may kill or remove it.
   * @param options `until`: gives up waiting, and leaves it asked. @throws its reason.
   */
  stop(text: string, options: StopOptions = {}): Promise<Outcome> {
    return this.#shutdown.stop(text, options);
  }

  async restart(text: string, options: StopOptions = {}): Promise<void> {
    const { id } = this.#parts.store.get(text);
    await this.stop(id, options);
    await this.start(id);
    this.#parts.post(this.#parts.store.get(id), 'restart');
  }

  /** @param signal a name with or without SIG, or a number. @throws {ContainerStateError} it does not run. */
  kill(text: string, signal = 'SIGKILL'): Promise<void> {
    return this.#shutdown.kill(text, signal);
  }

  /** @throws {ContainerStateError} it does not run, or is paused already. */
  async pause(text: string, options: PauseOptions = {}): Promise<void> {
    await this.#known.locked(text, (record) => pauseContainer(this.#parts, record, options));
  }

  /** @throws {ContainerStateError} it is not paused. */
  async unpause(text: string): Promise<void> {
    await this.#known.locked(text, (record) => unpauseContainer(this.#parts, record));
  }

  /**
   * Changes what it may use, also while it runs, and when it is started again.
   * @throws {InvalidLimitError} @throws {InvalidContainerError}
   */
  async update(text: string, change: ContainerUpdate): Promise<void> {
    await this.#known.locked(text, (record) => updateContainer(this.#parts, record, change));
  }

  /**
   * One more network for it, at once if it runs.
   * @throws {NetworkNotFoundError} @throws {NetworkForbiddenError} @throws {ContainerStateError} it shares another's network.
   */
  async connect(text: string, network: string, settings: EndpointSettings = {}): Promise<void> {
    await this.#known.locked(text, (record) => connectNetwork(this.#parts, record, network, settings));
  }

  /**
   * One network less for it, at once if it runs.
   * @param options `force`: also of a container that is no more. @throws {NetworkNotFoundError} @throws {NetworkForbiddenError}
   */
  async disconnect(
    text: string,
    network: string,
    { force = false }: Readonly<{ force?: boolean }> = {},
  ): Promise<void> {
    if (force && this.#parts.store.find(text) === undefined) return forgetMember(this.#parts, text, network);
    await this.#known.locked(text, (record) => disconnectNetwork(this.#parts, record, network));
  }

  /** @throws {ContainerConflictError} */
  async rename(text: string, name: string): Promise<void> {
    await this.#known.locked(text, async (record) => renameContainer(this.#parts, record, name));
  }

  /**
   * @param options `force`: also when it runs. `volumes`: with those that nobody named.
   * `link`: only a link of that name, as docker has them.
   * @throws {ContainerStateError} it runs. @throws {InvalidContainerError} a link.
   */
  remove(text: string, options: RemoveOptions = {}): Promise<void> {
    return this.#shutdown.remove(text, options);
  }

  /**
   * Waits until it does not run.
   * @returns its exit code. @throws the signal's reason.
   */
  async wait(text: string, { signal }: Signals = {}): Promise<number> {
    const { id } = this.#parts.store.get(text);
    for (let ran = false; ; ) {
      const record = this.#parts.store.byId(id);
      if (record === undefined) return this.#parts.events.lastExitCode(id) ?? 0;
      const code = this.#endings.endOf(record);
      if (code !== undefined) return code;
      if (ran && !isAlive(record)) return record.state.exitCode; // as docker has it: not for the next run, too
      ran = isAlive(record);
      await this.#endings.untilChange(id, LOOK_AGAIN_MS, signal);
    }
  }

  /**
   * What comes after the end of a container, when its monitor says that it has ended: it is taken apart, removed if it is to
   * be, or started again as its policy says. Others may have done so already.
   */
  async cleanUp(id: string, options: Signals = {}): Promise<void> {
    const backoffMs = await this.#parts.folder(id).locked(async () => {
      const record = await this.#endings.current(id);
      if (record === undefined || !wantsRestart(record)) return undefined;
      const delay = restartDelay(record.state);
      const restartDueAt = new Date(Date.now() + delay).toISOString();
      this.#parts.store.setState(id, { status: 'restarting', backoffMs: delay, restartDueAt });
      return delay;
    });
    if (backoffMs === undefined) return;
    await setTimeout(backoffMs, undefined, options);
    await this.#parts.folder(id).locked(async () => {
      const current = this.#parts.store.byId(id);
      if (current?.state.status !== 'restarting') return; // somebody stopped, started or removed it meanwhile
      this.#parts.store.setState(id, { restartCount: current.state.restartCount + 1 });
      await this.#launcher.launch(current, options);
    });
  }

  /** For whoever checks how containers are; waits until nobody else does. @throws the signal's reason. */
  takeHealthDuty(signal: AbortSignal): Promise<HealthDuty> {
    return HealthDuty.take(this.#parts.healthLock, signal);
  }

  /** What a check has found, if it is the same run of the container still. */
  noteHealth(checked: ContainerRecord, result: HealthResult): void {
    noteHealth(this.#parts, checked, result);
  }

  /** After the machine was started: what is to run, runs. @returns what could not be started. */
  async startAfterBoot(): Promise<Readonly<{ id: string; error: unknown }>[]> {
    const failures: { id: string; error: unknown }[] = [];
    for (const record of await this.list()) {
      if (isAlive(record) || !wantsStartAtBoot(record)) continue;
      await this.start(record.id).catch((error: unknown) => failures.push({ id: record.id, error }));
    }
    return failures;
  }
}
