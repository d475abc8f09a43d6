import { existsSync, type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isRunning } from '../../linux/index.js';
import { parseSignal } from '../../oci/index.js';
import { RuntimeError } from '../errors.js';
import { removeCgroups } from '../leftover-cgroups.js';
import { sideBySide } from '../side-by-side.js';
import { ownCgroups } from '../surroundings.js';
import type { MountPoint } from '../volumes/index.js';
import { isLeftPaused, resumePaused } from './container-changes.js';
import { type ContainerRecord, isAlive } from './container-record.js';
import type { HostParts, Traces } from './host-parts.js';
import { cgroupPlaceOf } from './names.js';
import { unlessEnded } from './oci-control.js';
import { postLeft } from './parts-events.js';
import { wantsRestart } from './restart-policy.js';
import { reviveSyslogCarrier } from './syslog-carrier.js';

const LOOK_AGAIN_MS = 200;
const KILL_WAIT_MS = 10_000;
/** Of a container whose monitor was killed: as if it had been too. */
const UNKNOWN_EXIT = 137;
const MONITOR_WAIT_MS = 20;
/** So long after the time a restart is taken to be nobody's. */
const RESTART_GRACE_MS = 5000;

/** How containers end, and what comes then. What changes a container is for who holds its lock. */
export class ContainerEndings {
  readonly #parts: HostParts;

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** The truth about it: what ended meanwhile is taken apart. @returns nothing when it is gone. */
  async current(id: string): Promise<ContainerRecord | undefined> {
    const record = this.#parts.store.byId(id);
    if (record === undefined) {
      // Whoever made it was killed before it was one.
      await this.#parts.networks.detach(id);
      await this.#parts.volumes.forget(id);
      this.#parts.images.release(id);
      this.#parts.folder(id).remove();
      return undefined;
    }
    if (record.state.status === 'dead') return record; // of what is not known nothing is taken apart unasked
    if (record.state.status === 'removing') {
      await this.discard(record, { withVolumes: record.state.removesVolumes === true });
      return undefined;
    }
    if (this.hasEnded(record)) return this.#takeApart(record);
    if (isLeftPaused(record)) return resumePaused(this.#parts, record);
    if (this.#lacksCarrier(record)) await this.#reviveCarrier(record);
    if (this.isHalfMade(record)) await this.endProcesses(record); // whoever was about to start it was killed
    if (!isAlive(record) && this.#parts.networks.attachmentOf(id) !== undefined)
      await this.#parts.networks.detach(id);
    return record;
  }

  /** As it is told to who looks: what has ended is not said to run because somebody is still taking it apart. */
  seen(record: ContainerRecord): ContainerRecord {
    return this.hasEnded(record) ? { ...record, state: { ...record.state, ...this.#end(record) } } : record;
  }

  /** Whether {@link current} would find that it is not as it is told. */
  needsCare(record: ContainerRecord, { folders, made, attached }: Traces): boolean {
    if (isAlive(record)) return this.hasEnded(record) || isLeftPaused(record) || this.#lacksCarrier(record);
    if (record.state.status === 'dead') return false;
    const { id } = record;
    if (record.state.status === 'removing' || made.has(id) || attached.has(id)) return true;
    return folders.has(id) && this.#parts.folder(id).wasLaunched;
  }

  #lacksCarrier(record: ContainerRecord): boolean {
    return (
      isAlive(record) &&
      record.hostConfig.LogConfig?.Type === 'syslog' &&
      this.#parts.folder(record.id).hasLostCarrier
    );
  }

  /** Whatever is to be done with the container does not depend on it. */
  async #reviveCarrier(record: ContainerRecord): Promise<void> {
    try {
      await reviveSyslogCarrier(this.#parts.folder(record.id), record);
    } catch (error) {
      if (this.hasEnded(record)) return; // just now
      this.#parts.notice(
        `what container ${record.id} prints does not reach its syslog: ${(error as Error).message}`,
      );
    }
  }

  /** Whether it has, or may have, processes, though nobody has noted that it was started. */
  isHalfMade(record: ContainerRecord): boolean {
    if (isAlive(record)) return false;
    return (
      existsSync(join(this.#parts.stateDirectory, record.id)) || this.#parts.folder(record.id).wasLaunched
    );
  }

  /** Ends it, and whatever is making it. Safe to repeat. @throws {RuntimeError} it does not end. */
  async endProcesses(record: ContainerRecord): Promise<void> {
    const { id } = record;
    const folder = this.#parts.folder(id);
    const control = await this.#parts.control();
    const deadline = Date.now() + KILL_WAIT_MS;
    for (;;) {
      await control.remove(id);
      // Also what the runtime had made when it was killed itself, and then knows nothing of.
      const { path, mount } = cgroupPlaceOf(record, ownCgroups());
      await removeCgroups(path, mount);
      if (isAlive(record) || !folder.hasMonitor) return folder.forgetLaunch();
      if (Date.now() > deadline)
        throw new RuntimeError(`the monitor of container ${id} does not end: process ${folder.monitorPid()}`);
      await setTimeout(MONITOR_WAIT_MS);
    }
  }

  /** How it ended, of one that has. */
  #end(record: ContainerRecord) {
    const folder = this.#parts.folder(record.id);
    const exitCode = folder.exitCode();
    const { state } = record;
    const end = {
      status: 'exited',
      pid: 0,
      pausedFor: undefined,
      exitCode: exitCode ?? UNKNOWN_EXIT,
      error: exitCode === undefined ? 'its monitor was killed, so how it ended is not known' : '',
      oomKilled: folder.wasOutOfMemory,
      finishedAt: new Date().toISOString(),
      // As docker has it: nobody knows any more.
      ...(state.health !== undefined && { health: { ...state.health, status: 'unhealthy' as const } }),
    } as const;
    if (!wantsRestart({ ...record, state: { ...state, ...end } })) return end;
    return { ...end, status: 'restarting', restartDueAt: end.finishedAt } as const;
  }

  async #takeApart(record: ContainerRecord): Promise<ContainerRecord | undefined> {
    const { id } = record;
    const folder = this.#parts.folder(id);
    const isKnown = folder.exitCode() !== undefined;
    const end = this.#end(record);
    // What may still run of it is being ended, and needs no network.
    await sideBySide(this.endProcesses(record), this.#parts.networks.detach(id));
    folder.unmount();
    this.#parts.volumes.unmount(id);
    const ended = this.#parts.store.setState(id, end);
    if (ended.state.oomKilled) this.#parts.post(ended, 'oom');
    this.#parts.post(ended, 'die', { exitCode: String(ended.state.exitCode) });
    postLeft(this.#parts, ended);
    if (!isKnown) folder.forgetCare(); // no monitor will ask for it
    if (record.hostConfig.AutoRemove !== true) return isKnown ? ended : this.#restarted(ended);
    await this.discard(ended, { withVolumes: true });
    return undefined;
  }

  /** Removes it with all that it has. @param options `withVolumes`: those that nobody named too. */
  async discard(record: ContainerRecord, { withVolumes }: { withVolumes: boolean }): Promise<void> {
    const { id } = record;
    this.#parts.store.setState(id, { status: 'removing', removesVolumes: withVolumes });
    if (this.isHalfMade(record)) await this.endProcesses(record);
    await this.#parts.networks.detach(id);
    this.#parts.volumes.release(id);
    if (withVolumes) await this.#parts.volumes.removeAnonymous(record.mounts.flatMap(volumeNames));
    this.#parts.images.release(id);
    this.#parts.folder(id).remove();
    this.#parts.store.remove(id); // last: until then somebody else can finish it
    this.#parts.post(record, 'destroy');
  }

  /** Its monitor was killed, so nothing will see to its restart policy but what is started here. */
  #restarted(ended: ContainerRecord): ContainerRecord {
    if (!wantsRestart(ended)) return ended;
    this.#parts.startCleanUp(ended.id);
    return ended;
  }

  /** Whether its restart policy should have started it by now, but what was to do so was killed. */
  isOverdue(record: ContainerRecord): boolean {
    const { restartDueAt } = record.state;
    if (restartDueAt === undefined || isAlive(record) || !wantsRestart(record)) return false;
    return Date.now() > Date.parse(restartDueAt) + RESTART_GRACE_MS;
  }

  /** @param signal a name with or without SIG, or a number. @throws {RangeError} there is no such signal. */
  async signal(record: ContainerRecord, signal: string): Promise<void> {
    const number = String(parseSignal(signal));
    await unlessEnded((await this.#parts.control()).kill(record.id, number));
    this.#parts.post(record, 'kill', { signal: number });
    // What is frozen does not see signals; nor does it stay paused, whatever becomes of it.
    if (record.state.status === 'paused') await resumePaused(this.#parts, record);
  }

  /** @returns whether it has ended within a time. @throws the signal's reason. */
  async ends(record: ContainerRecord, ms: number, signal?: AbortSignal): Promise<boolean> {
    // Not by the clock of the machine, which may be set meanwhile.
    const deadline = performance.now() + ms;
    while (!this.hasEnded(record)) {
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await this.untilChange(record.id, Math.min(left, LOOK_AGAIN_MS), signal);
    }
    return true;
  }

  /** @throws {RuntimeError} it goes on. */
  async expectEnd(record: ContainerRecord): Promise<void> {
    if (await this.ends(record, KILL_WAIT_MS)) return;
    throw new RuntimeError(`container ${record.id} does not end, although it was killed`);
  }

  /** Its exit code; `undefined` while it runs, or is about to again. */
  endOf(record: ContainerRecord): number | undefined {
    if (isAlive(record))
      return this.hasEnded(record) ? (this.#parts.folder(record.id).exitCode() ?? UNKNOWN_EXIT) : undefined;
    if (record.state.status === 'restarting') return undefined;
    return record.state.exitCode;
  }

  /** Whether it ended and nobody has noted it yet. */
  hasEnded(record: ContainerRecord): boolean {
    if (!isAlive(record)) return false;
    if (this.#parts.folder(record.id).exitCode() !== undefined) return true;
    return record.state.monitor === undefined || isRunning(record.state.monitor) === false;
  }

  /** Until something is written in its folder, or the time is over. */
  async untilChange(id: string, ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { path } = this.#parts.folder(id);
    if (!existsSync(path)) return;
    const changed = new AbortController();
    const watcher = watchIfPossible(path, () => changed.abort());
    try {
      // It may have been written just before.
      if (this.#parts.folder(id).exitCode() !== undefined) return;
      await setTimeout(ms, undefined, {
        signal: AbortSignal.any([changed.signal, ...(signal ? [signal] : [])]),
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (!changed.signal.aborted) throw error;
    } finally {
      watcher?.close();
    }
  }
}

/** Users may have few watches, and all may be taken: then only time tells. */
function watchIfPossible(path: string, onChange: () => void): FSWatcher | undefined {
  try {
    return watch(path, onChange).on('error', onChange);
  } catch {
    return undefined;
  }
}

function volumeNames(point: MountPoint): string[] {
  return point.type === 'volume' ? [point.name] : [];
}
