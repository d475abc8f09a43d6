import { existsSync, mkdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isRunning } from '../../linux/index.js';
import { chainIDs } from '../../oci/index.js';
import { ContainerStateError, RuntimeError } from '../errors.js';
import {
  adaptedLimits,
  readCgroupSupport,
  resourcesOf,
  type UpdatableLimits,
  updateLimits,
} from '../limits/index.js';
import { logPlanOf } from '../logs/index.js';
import { findRuntime, type MachineOptions, openMachine } from '../machine.js';
import { prepareOverlay } from '../overlay.js';
import { RuntimeDatabase } from '../runtime-database.js';
import { usableCgroups } from '../surroundings.js';
import { type MountPoint, prepareVolumes, resolveMounts, Volumes } from '../volumes/index.js';
import {
  type ContainerConfig,
  type CreateBody,
  type HostConfig,
  type RestartPolicy,
  withImage,
} from './configuration.js';
import { writeBundle } from './container-bundle.js';
import { ContainerEvents } from './container-events.js';
import { ContainerFolder, runtimeDirectory } from './container-folder.js';
import { type ContainerRecord, isAlive, NEW_STATE } from './container-record.js';
import { ContainerStore } from './container-store.js';
import type { ContainerImages } from './images.js';
import { Monitor } from './monitor.js';
import { inventName, newContainerId, parseContainerName } from './names.js';
import { checkNetworks, networkOf, sharedNamespaces } from './namespaces.js';
import { OciControl } from './oci-control.js';
import { checkRestartPolicy, restartDelay, wantsRestart, wantsStartAtBoot } from './restart-policy.js';

export type ContainerHostOptions = Readonly<{
  /** $BERTH_ROOT. */
  root: string;
  images: ContainerImages;
  /** A program to use instead of the crun or runc in the path. */
  runtime?: string;
  /** Where what ends with the machine's boot is: /run. */
  runDirectory: string;
  /** The command that calls {@link ContainerHost.cleanUp} when nobody else is there to. */
  cleanUpCommand: (id: string) => readonly string[];
  /** Told, in words for a person, of what is not as it was asked for. */
  onNotice?: (text: string) => void;
}>;

/** Whether something was done, or was so already. */
export type Outcome = 'changed' | 'unchanged';
type Signals = Readonly<{ signal?: AbortSignal }>;

const LOOK_AGAIN_MS = 200;
const KILL_WAIT_MS = 10_000;
const DEFAULT_STOP_SECONDS = 10;

/**
 * The containers of this machine: what becomes of them, from being made to being removed. Any number of processes may use
 * it at once, and each may be killed at any point: whoever looks next finds out what is true. A container belongs to none
 * of them, but to its monitor.
 */
export class ContainerHost implements Disposable {
  readonly events: ContainerEvents;
  readonly volumes: Volumes;
  readonly #options: ContainerHostOptions;
  readonly #db: RuntimeDatabase;
  readonly #store: ContainerStore;
  readonly #directory: string;
  readonly #stateDirectory: string;
  #control: Promise<OciControl> | undefined;

  /** @throws when the directory cannot be used. */
  static open(options: ContainerHostOptions): ContainerHost {
    return new ContainerHost(options);
  }

  private constructor(options: ContainerHostOptions) {
    this.#options = options;
    this.#directory = join(options.root, 'containers');
    this.#stateDirectory = join(runtimeDirectory(options.root, options.runDirectory), 'runtime');
    mkdirSync(this.#directory, { recursive: true, mode: 0o711 });
    this.#db = new RuntimeDatabase(options.root);
    this.#store = new ContainerStore(this.#db);
    this.events = new ContainerEvents(this.#db);
    this.volumes = new Volumes(this.#db, { directory: join(options.root, 'volumes') });
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  // Looking

  /** All of them, the newest first, as they are now. */
  async list(): Promise<ContainerRecord[]> {
    for (const record of this.#store.all()) {
      if (this.#hasEnded(record)) {
        await this.folder(record.id).lockedIfFree(async () => void (await this.#current(record.id)));
      }
    }
    return this.#store.all();
  }

  /** @param text id, name or the beginning of an id. @throws {ContainerNotFoundError} @throws {AmbiguousContainerError} */
  async get(text: string): Promise<ContainerRecord> {
    const record = this.#store.get(text);
    if (!this.#hasEnded(record)) return record;
    await this.folder(record.id).lockedIfFree(async () => void (await this.#current(record.id)));
    return this.#store.byId(record.id) ?? this.#store.get(text);
  }

  folder(id: string): ContainerFolder {
    return new ContainerFolder(this.#directory, id);
  }

  /** Its first process. @throws {ContainerStateError} it does not run. */
  async running(text: string): Promise<ContainerRecord> {
    const record = await this.get(text);
    if (isAlive(record)) return record;
    throw new ContainerStateError(`container ${record.id} is not running`);
  }

  /** The runtime's commands for containers that run. */
  control(): Promise<OciControl> {
    this.#control ??= this.#makeControl();
    return this.#control;
  }

  // Life

  /** @throws {ImageNotFoundError} @throws {ContainerConflictError} @throws {InvalidContainerError} */
  async create(body: CreateBody, { name }: Readonly<{ name?: string }> = {}): Promise<ContainerRecord> {
    const { HostConfig = {}, NetworkingConfig = {}, ...config } = body;
    const image = this.#options.images.get(config.Image ?? '');
    checkRestartPolicy(HostConfig.RestartPolicy ?? {}, HostConfig);
    const notice = checkNetworks(HostConfig, NetworkingConfig);
    if (notice !== undefined) this.#onNotice(notice);
    const id = newContainerId();
    const withDefaults = withImage(config, image.config.config ?? {});
    const record = {
      id,
      createdAt: new Date().toISOString(),
      image: {
        name: config.Image ?? '',
        id: image.id,
        manifest: image.manifest,
        chainIDs: chainIDs(image.config.rootfs.diff_ids),
      },
      config: withDefaults,
      hostConfig: checkedLimits(HostConfig),
      networkingConfig: NetworkingConfig,
      mounts: this.#resolveMounts(id, HostConfig, withDefaults.Volumes),
      state: NEW_STATE,
    };
    const added = await this.#addOrRelease(record, name);
    this.#options.images.hold(id, image.manifest);
    this.folder(id).make();
    this.#post(added, 'create');
    return added;
  }

  /**
   * Runs its command. `beforeStart` is called when it has a monitor to be attached to, and not started yet.
   * @throws {ContainerStartError} the command cannot be started. @throws {RuntimeError} the container cannot be made.
   */
  async start(
    text: string,
    options: Readonly<{ beforeStart?: (folder: ContainerFolder) => Promise<void> }> & Signals = {},
  ): Promise<Outcome> {
    return this.#locked(text, async (record) => {
      if (record.state.status === 'paused') {
        throw new ContainerStateError('cannot start a paused container, try unpause instead');
      }
      if (isAlive(record)) return 'unchanged';
      this.#store.setState(record.id, { isStopped: false, restartCount: 0, backoffMs: 0 });
      await this.#launch(record, options);
      return 'changed';
    });
  }

  /** Asks it to end, and ends it after a time. */
  async stop(
    text: string,
    { signal, seconds }: Readonly<{ signal?: string; seconds?: number }> = {},
  ): Promise<Outcome> {
    return this.#locked(text, async (record) => {
      if (record.state.status === 'restarting') {
        this.#store.setState(record.id, { status: 'exited', isStopped: true });
        return 'changed';
      }
      this.#store.setState(record.id, { isStopped: true });
      if (!isAlive(record)) return 'unchanged';
      const { config } = record;
      await this.#signal(record, signal ?? config.StopSignal ?? 'SIGTERM');
      const wait = seconds ?? config.StopTimeout ?? DEFAULT_STOP_SECONDS;
      if (!(await this.#ends(record, wait < 0 ? Number.POSITIVE_INFINITY : wait * 1000))) {
        await this.#signal(record, 'SIGKILL');
        await this.#expectEnd(record);
      }
      await this.#current(record.id);
      this.#post(record, 'stop');
      return 'changed';
    });
  }

  async restart(text: string, options: Readonly<{ signal?: string; seconds?: number }> = {}): Promise<void> {
    const { id } = this.#store.get(text);
    await this.stop(id, options);
    await this.start(id);
    this.#post(this.#store.get(id), 'restart');
  }

  /** @param signal a name with or without SIG, or a number. @throws {ContainerStateError} it does not run. */
  async kill(text: string, signal = 'SIGKILL'): Promise<void> {
    await this.#locked(text, async (record) => {
      if (!isAlive(record))
        throw new ContainerStateError(
          `Cannot kill container: ${text}: container ${record.id} is not running`,
        );
      await this.#signal(record, signal);
      if (!/^(?:SIG)?KILL$|^9$/i.test(signal)) return;
      this.#store.setState(record.id, { isStopped: true });
      await this.#expectEnd(record);
      await this.#current(record.id);
    });
  }

  async pause(text: string): Promise<void> {
    await this.#locked(text, async (record) => {
      if (!isAlive(record)) throw new ContainerStateError(`container ${record.id} is not running`);
      if (record.state.status === 'paused')
        throw new ContainerStateError(`container ${record.id} is already paused`);
      await (await this.control()).pause(record.id);
      this.#post(this.#store.setState(record.id, { status: 'paused' }), 'pause');
    });
  }

  async unpause(text: string): Promise<void> {
    await this.#locked(text, async (record) => {
      if (record.state.status !== 'paused')
        throw new ContainerStateError(`container ${record.id} is not paused`);
      await (await this.control()).resume(record.id);
      this.#post(this.#store.setState(record.id, { status: 'running' }), 'unpause');
    });
  }

  /**
   * Changes what it may use, also while it runs, and when it is started again.
   * @throws {InvalidLimitError} @throws {InvalidContainerError}
   */
  async update(
    text: string,
    { limits, restartPolicy }: Readonly<{ limits: UpdatableLimits; restartPolicy?: RestartPolicy }>,
  ): Promise<void> {
    await this.#locked(text, async (record) => {
      if (restartPolicy !== undefined) checkRestartPolicy(restartPolicy, record.hostConfig);
      const { hostConfig, resources } = updateLimits(
        record.hostConfig,
        limits,
        readCgroupSupport(usableCgroups()),
      );
      if (isAlive(record) && Object.keys(resources).length > 0)
        await (await this.control()).update(record.id, resources);
      this.#store.setHostConfig(record.id, {
        ...hostConfig,
        ...(restartPolicy && { RestartPolicy: restartPolicy }),
      });
      this.#post(record, 'update');
    });
  }

  /** @throws {ContainerConflictError} */
  async rename(text: string, name: string): Promise<void> {
    const parsed = parseContainerName(name);
    await this.#locked(text, async (record) => {
      this.#store.rename(record.id, parsed);
      this.#post({ ...record, name: parsed }, 'rename', { oldName: `/${record.name}` });
    });
  }

  /**
   * @param options `force`: also when it runs. `volumes`: with those that nobody named.
   * @throws {ContainerStateError} it runs.
   */
  async remove(
    text: string,
    { force = false, volumes = false }: Readonly<{ force?: boolean; volumes?: boolean }> = {},
  ): Promise<void> {
    await this.#locked(text, async (record) => {
      if (isAlive(record)) {
        if (!force) {
          throw new ContainerStateError(
            `cannot remove container "/${record.name}": container is running: ` +
              'stop the container before removing or force remove',
          );
        }
        this.#store.setState(record.id, { isStopped: true });
        await this.#signal(record, 'SIGKILL');
        await this.#expectEnd(record);
        if ((await this.#current(record.id)) === undefined) return; // it was to be removed at its end
      }
      await this.#discard(record, { withVolumes: volumes });
    });
  }

  /**
   * Waits until it does not run.
   * @returns its exit code. @throws the signal's reason.
   */
  async wait(text: string, { signal }: Signals = {}): Promise<number> {
    const { id } = this.#store.get(text);
    for (;;) {
      const record = this.#store.byId(id);
      if (record === undefined) return 0;
      const code = this.#endOf(record);
      if (code !== undefined) return code;
      await this.#untilChange(id, LOOK_AGAIN_MS, signal);
    }
  }

  /**
   * What comes after the end of a container, when its monitor says that it has ended: it is taken apart, removed if it is to
   * be, or started again as its policy says. Others may have done so already.
   */
  async cleanUp(id: string, options: Signals = {}): Promise<void> {
    const record = await this.folder(id).locked(() => this.#current(id));
    if (record === undefined || !wantsRestart(record)) return;
    const backoffMs = restartDelay(record.state);
    this.#store.setState(id, { status: 'restarting', backoffMs });
    await setTimeout(backoffMs, undefined, options);
    await this.folder(id).locked(async () => {
      const current = this.#store.byId(id);
      if (current?.state.status !== 'restarting') return; // somebody stopped, started or removed it meanwhile
      this.#store.setState(id, { restartCount: current.state.restartCount + 1 });
      await this.#launch(current, options);
    });
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

  readonly #onNotice = (text: string): void => this.#options.onNotice?.(text);

  // Inside, with the container locked

  async #locked<T>(text: string, work: (record: ContainerRecord) => Promise<T>): Promise<T> {
    const { id } = this.#store.get(text);
    return this.folder(id).locked(async () => {
      const record = await this.#current(id);
      return work(record ?? this.#store.get(text));
    });
  }

  /** The truth about it: what ended meanwhile is taken apart. @returns nothing when it is gone. */
  async #current(id: string): Promise<ContainerRecord | undefined> {
    const record = this.#store.byId(id);
    if (record === undefined) {
      this.folder(id).remove();
      return undefined;
    }
    if (this.#hasEnded(record)) return this.#takeApart(record);
    if (!isAlive(record) && existsSync(join(this.#stateDirectory, id))) {
      // Whoever was about to start it was killed.
      await (await this.control()).remove(id);
    }
    return record;
  }

  async #takeApart(record: ContainerRecord): Promise<ContainerRecord | undefined> {
    const { id } = record;
    const folder = this.folder(id);
    const exitCode = folder.exitCode();
    await (await this.control()).remove(id);
    folder.unmount();
    this.volumes.unmount(id);
    const ended = this.#store.setState(id, {
      status: 'exited',
      pid: 0,
      exitCode: exitCode ?? 137,
      error: exitCode === undefined ? 'its monitor was killed, so how it ended is not known' : '',
      oomKilled: folder.wasOutOfMemory,
      finishedAt: new Date().toISOString(),
    });
    if (ended.state.oomKilled) this.#post(ended, 'oom');
    this.#post(ended, 'die', { exitCode: String(ended.state.exitCode) });
    if (record.hostConfig.AutoRemove !== true) return ended;
    await this.#discard(ended, { withVolumes: true });
    return undefined;
  }

  async #discard(record: ContainerRecord, { withVolumes }: { withVolumes: boolean }): Promise<void> {
    const { id } = record;
    this.#store.setState(id, { status: 'removing' });
    await (await this.control()).remove(id).catch(() => {}); // there is none, mostly
    this.folder(id).remove();
    this.#store.remove(id);
    this.#options.images.release(id);
    const had = this.volumes.release(id);
    if (withVolumes) await this.volumes.removeAnonymous(had);
    this.#post(record, 'destroy');
  }

  async #launch(
    record: ContainerRecord,
    { beforeStart, signal }: Readonly<{ beforeStart?: (folder: ContainerFolder) => Promise<void> }> & Signals,
  ): Promise<void> {
    const { id } = record;
    const folder = this.folder(id);
    try {
      const started = await this.#monitored(record, folder, signal);
      await beforeStart?.(folder);
      await (await this.control()).start(id);
      const running = this.#store.setState(id, {
        ...started,
        status: 'running',
        exitCode: 0,
        error: '',
        oomKilled: false,
        startedAt: new Date().toISOString(),
      });
      this.#post(running, 'start');
    } catch (error) {
      await (await this.control()).remove(id).catch(() => {}); // what was made of it so far
      this.volumes.unmount(id);
      await this.#noteFailure(record, error);
      throw error;
    }
  }

  async #monitored(record: ContainerRecord, folder: ContainerFolder, signal: AbortSignal | undefined) {
    using machine = await openMachine(this.#machineOptions());
    const { program } = machine;
    const image = this.#options.images.open(record.image.manifest);
    this.#options.images.hold(record.id, record.image.manifest); // whoever created it may have been killed before
    const lowers = await machine.snapshots.ensure(image.stack, signal && { signal });
    folder.make();
    folder.forgetExit();
    const { surroundings } = machine;
    const { options } = prepareOverlay({
      lowers,
      directory: folder.path,
      userAttributes: surroundings.ids !== 'machine',
    });
    const { config } = record;
    using prepared = await prepareVolumes(record.mounts, { container: record.id, volumes: this.volumes });
    using monitor = await Monitor.launch({
      id: record.id,
      name: record.name,
      folder,
      runtime: { ...program, stateDirectory: this.#stateDirectory },
      overlay:
        surroundings.cgroups === 'none' && record.hostConfig.Privileged !== true
          ? `nodev,${options}`
          : options,
      terminal: config.Tty === true,
      hasInput: config.OpenStdin === true,
      keepsInput: config.OpenStdin === true && config.StdinOnce !== true,
      exitCommand: this.#options.cleanUpCommand(record.id),
    });
    const findRunning = (text: string) => this.running(text);
    await writeBundle(record, {
      folder,
      root: monitor.root,
      surroundings,
      network: await networkOf(record, findRunning),
      shared: await sharedNamespaces(record, findRunning),
      volumes: this.volumes,
      prepared,
      onNotice: this.#onNotice,
    });
    return await monitor.create(); // it goes with this block
  }

  async #noteFailure(record: ContainerRecord, error: unknown): Promise<void> {
    const { exitCode = 128, message = String(error) } = error as { exitCode?: number; message?: string };
    const failed = this.#store.setState(record.id, {
      status: record.state.startedAt === undefined ? 'created' : 'exited',
      pid: 0,
      exitCode,
      error: message,
    });
    if (record.hostConfig.AutoRemove === true) await this.#discard(failed, { withVolumes: true });
  }

  async #signal(record: ContainerRecord, signal: string): Promise<void> {
    const name =
      /^\d+$/.test(signal) || /^SIG/i.test(signal) ? signal.toUpperCase() : `SIG${signal.toUpperCase()}`;
    try {
      await (await this.control()).kill(record.id, name);
    } catch (error) {
      // It may have ended between the look and the signal.
      if (
        !(error instanceof RuntimeError) ||
        !/process (?:already|has) (?:finished|been)|not running|no such process/i.test(error.message)
      ) {
        throw error;
      }
    }
    // What is frozen does not see signals.
    if (record.state.status === 'paused') await (await this.control()).resume(record.id);
    this.#post(record, 'kill', { signal: name.replace(/^SIG/, '') });
  }

  async #ends(record: ContainerRecord, ms: number): Promise<boolean> {
    const deadline = Date.now() + ms;
    while (!this.#hasEnded(record)) {
      const left = deadline - Date.now();
      if (left <= 0) return false;
      await this.#untilChange(record.id, Math.min(left, LOOK_AGAIN_MS));
    }
    return true;
  }

  async #expectEnd(record: ContainerRecord): Promise<void> {
    if (await this.#ends(record, KILL_WAIT_MS)) return;
    throw new RuntimeError(`container ${record.id} does not end, although it was killed`);
  }

  #endOf(record: ContainerRecord): number | undefined {
    if (isAlive(record))
      return this.#hasEnded(record) ? (this.folder(record.id).exitCode() ?? 137) : undefined;
    if (record.state.status === 'restarting') return undefined;
    return record.state.exitCode;
  }

  /** Whether it ended and nobody has noted it yet. */
  #hasEnded(record: ContainerRecord): boolean {
    if (!isAlive(record)) return false;
    if (this.folder(record.id).exitCode() !== undefined) return true;
    return record.state.monitor === undefined || isRunning(record.state.monitor) === false;
  }

  /** Until something is written in its folder, or the time is over. */
  async #untilChange(id: string, ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { path } = this.folder(id);
    if (!existsSync(path)) return;
    const changed = new AbortController();
    const watcher = watch(path, () => changed.abort());
    watcher.on('error', () => changed.abort());
    try {
      // It may have been written just before.
      if (this.folder(id).exitCode() !== undefined) return;
      await setTimeout(ms, undefined, {
        signal: AbortSignal.any([changed.signal, ...(signal ? [signal] : [])]),
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (!changed.signal.aborted) throw error;
    } finally {
      watcher.close();
    }
  }

  #resolveMounts(id: string, hostConfig: HostConfig, volumes: ContainerConfig['Volumes']): MountPoint[] {
    const mountsOf = (text: string) => this.#store.get(text).mounts;
    return resolveMounts(
      { container: id, hostConfig, volumes, mountsOf, onNotice: this.#onNotice },
      this.volumes,
    );
  }

  /** With volumes that were made for it, which are nobody's if it does not come about. */
  async #addOrRelease(
    record: Omit<ContainerRecord, 'name'>,
    name: string | undefined,
  ): Promise<ContainerRecord> {
    try {
      return await this.#add(record, name);
    } catch (error) {
      await this.volumes.removeAnonymous(this.volumes.release(record.id));
      throw error;
    }
  }

  async #add(record: Omit<ContainerRecord, 'name'>, name: string | undefined): Promise<ContainerRecord> {
    if (name !== undefined) {
      const named = { ...record, name: parseContainerName(name) };
      // Its last holder may only be waiting for being cleaned up.
      const holder = this.#store.find(named.name);
      if (holder !== undefined) await this.get(holder.id).catch(() => undefined);
      this.#store.add(named);
      return named;
    }
    for (let attempt = 1; ; attempt += 1) {
      const named = { ...record, name: inventName(attempt) };
      if (this.#store.find(named.name) !== undefined) continue;
      this.#store.add(named);
      return named;
    }
  }

  #post(record: ContainerRecord, action: string, more: Readonly<Record<string, string>> = {}): void {
    const attributes = { ...record.config.Labels, image: record.image.name, name: record.name, ...more };
    this.events.post({ type: 'container', action, actor: record.id, attributes });
  }

  #machineOptions(): MachineOptions {
    const { root, runtime } = this.#options;
    return { root, ...(runtime !== undefined && { runtime }) };
  }

  async #makeControl(): Promise<OciControl> {
    const program = await findRuntime(this.#machineOptions());
    mkdirSync(this.#stateDirectory, { recursive: true, mode: 0o700 });
    return new OciControl(program, this.#stateDirectory);
  }
}

/** As docker's daemon has them. @throws {InvalidLimitError} @throws {InvalidLogConfigError} before anything is made. */
function checkedLimits(hostConfig: HostConfig): HostConfig {
  const adapted = adaptedLimits(hostConfig);
  resourcesOf(adapted, readCgroupSupport(usableCgroups()));
  logPlanOf(adapted.LogConfig);
  return adapted;
}
