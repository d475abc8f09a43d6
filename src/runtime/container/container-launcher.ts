import { logCeiling, logPlanOf } from '../logs/index.js';
import { openMachine } from '../machine.js';
import { prepareOverlay } from '../overlay.js';
import { prepareVolumes } from '../volumes/index.js';
import { Care } from './care.js';
import { writeBundle } from './container-bundle.js';
import type { ContainerEndings } from './container-endings.js';
import type { ContainerFolder } from './container-folder.js';
import { attachNetworks } from './container-networks.js';
import type { ContainerRecord } from './container-record.js';
import { healthPlanOf, NEW_HEALTH } from './health.js';
import { HealthDuty } from './health-duty.js';
import type { HostParts } from './host-parts.js';
import { Monitor } from './monitor.js';
import { type FindRunning, sharedNamespaces } from './namespaces.js';
import { OwnIDs } from './own-ids.js';
import { postHeld } from './parts-events.js';
import { mayRestart } from './restart-policy.js';
import { expectOwnVolumes, showRoot } from './shown-root.js';
import { startSyslogCarrier } from './syslog-carrier.js';

export type LaunchOptions = Readonly<{
  /** Called at once, since what attaches takes as long to start as a container; that is not started before it is done. */
  attach?: (folder: ContainerFolder) => Promise<void>;
  /** Called when it is made, and not started yet. */
  beforeStart?: (folder: ContainerFolder) => void;
  /** Called when it has been started, by who sees to its end: not where it may be started again then. */
  attend?: (care: Care) => void;
  signal?: AbortSignal;
}>;

/** Starts containers: root filesystem, bundle, monitor, command. */
export class ContainerLauncher {
  readonly #parts: HostParts;
  readonly #endings: ContainerEndings;
  readonly #findRunning: FindRunning;

  constructor(parts: HostParts, endings: ContainerEndings, findRunning: FindRunning) {
    this.#parts = parts;
    this.#endings = endings;
    this.#findRunning = findRunning;
  }

  /** Under its lock, when it does not run. @throws {ContainerStartError} @throws {RuntimeError} */
  async launch(record: ContainerRecord, options: LaunchOptions): Promise<void> {
    const { id } = record;
    const { attach, beforeStart, attend, signal } = options;
    const folder = this.#parts.folder(id);
    using unless = new DisposableStack();
    try {
      folder.make();
      folder.forgetExit(); // before anybody attaches
      const care = attend && !mayRestart(record) ? unless.use(Care.take(folder.file('care'))) : undefined;
      if (care === undefined) Care.leave(folder.file('care'));
      const attached = attach?.(folder);
      attached?.catch(() => {}); // awaited below, unless there is nothing to attach to
      const started = await this.#monitored(record, folder, signal);
      const { syslog } = logPlanOf(record.hostConfig.LogConfig);
      if (syslog !== undefined)
        await startSyslogCarrier(folder, syslog, { container: record, pid: started.pid });
      await attached;
      beforeStart?.(folder);
      await (await this.#parts.control()).start(id);
      const running = this.#parts.store.setState(id, {
        ...started,
        status: 'running',
        exitCode: 0,
        error: '',
        oomKilled: false,
        startedAt: new Date().toISOString(),
        health: healthPlanOf(record.config) && NEW_HEALTH,
      });
      postHeld(this.#parts, running);
      this.#parts.post(running, 'start');
      unless.move();
      if (care !== undefined) attend?.(care);
    } catch (error) {
      await this.#endings.endProcesses(record).catch(() => {}); // what was made of it so far
      this.#parts.volumes.unmount(id);
      await this.#parts.networks.detach(id).catch(() => {}); // the next look finds the rest
      await this.#noteFailure(record, error);
      throw error;
    }
  }

  async #monitored(record: ContainerRecord, folder: ContainerFolder, signal: AbortSignal | undefined) {
    using machine = await openMachine(this.#parts.machineOptions);
    const { program } = machine;
    const findRunning = this.#findRunning;
    if (record.idsOf !== undefined) expectOwnVolumes(record, this.#parts.volumes);
    using ids = await OwnIDs.open(record, findRunning);
    this.#parts.images.hold(record.id, record.image.manifest); // whoever created it may have been killed before
    const image = this.#parts.images.open(record.image.manifest);
    const lowers = await machine.snapshots.ensure(image.stack, signal && { signal });
    const { surroundings } = machine;
    const { mount } = prepareOverlay({ lowers, directory: folder.path, kind: machine.overlay });
    const { config } = record;
    const networks = await attachNetworks(record, this.#parts.networks, {
      find: (text) => this.#parts.store.get(text),
      findRunning,
      namespaceOf: ids?.networkPid,
      folderOf: (id) => this.#parts.folder(id),
    });
    using held = networks.held;
    using prepared = await prepareVolumes(record.mounts, {
      container: record.id,
      volumes: this.#parts.volumes,
    });
    const { driver: logDriver, limits } = logPlanOf(record.hostConfig.LogConfig);
    using monitor = await Monitor.launch({
      id: record.id,
      name: record.name,
      folder,
      runtime: { ...program, stateDirectory: this.#parts.stateDirectory },
      overlay: mount,
      flags: [
        ...(surroundings.cgroups === 'none' && record.hostConfig.Privileged !== true ? ['nodev'] : []),
        // It is mounted once more, and nothing is to be synced for that.
        ...(ids === undefined ? [] : ['volatile']),
      ],
      before: ids === undefined ? [] : showRoot(record, { folder, ids, lowers, prepared }),
      logDriver,
      // What the monitor counts goes on over rotations, so together they would lose lines.
      maxLogBytes: HealthDuty.isTaken(this.#parts.healthLock) ? Number.POSITIVE_INFINITY : logCeiling(limits),
      terminal: config.Tty === true,
      hasInput: config.OpenStdin === true,
      // Of a terminal whoever leaves may come back, and there is no end of input.
      keepsInput: config.OpenStdin === true && (config.StdinOnce !== true || config.Tty === true),
      heldDescriptors: held?.descriptors ?? [],
      exitCommand: Care.hook(folder.file('care'), this.#parts.cleanUpCommand(record.id)),
    });
    const user = await writeBundle(record, {
      folder,
      root: monitor.root,
      surroundings,
      networks,
      shared: await sharedNamespaces(record, findRunning),
      volumes: this.#parts.volumes,
      prepared,
      ids,
      onNotice: (text) => this.#parts.notice(text),
    });
    const created = await monitor.create();
    ids?.giveStreams(created.pid, user);
    return created;
  }

  async #noteFailure(record: ContainerRecord, error: unknown): Promise<void> {
    const { exitCode = 128, message = String(error) } = error as { exitCode?: number; message?: string };
    const failed = this.#parts.store.setState(record.id, {
      status: record.state.startedAt === undefined ? 'created' : 'exited',
      pid: 0,
      exitCode,
      error: message,
    });
    if (record.hostConfig.AutoRemove === true) await this.#endings.discard(failed, { withVolumes: true });
  }
}
