import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { flock, readIfAny, tryFlock, UMOUNT_FLAGS, umount } from '../../linux/index.js';
import { RuntimeError } from '../errors.js';
import { isMountPoint, mountsBelow } from '../own-mounts.js';
import { removeTree } from '../work-folder.js';

/** What conmon writes, what it and the container are given, and the three directories of the overlay. */
type ContainerFile =
  | 'config.json'
  | 'log'
  | 'exit'
  | 'oom'
  | 'pidfile'
  | 'conmon.pid'
  | 'monitored'
  | 'carried'
  | 'care'
  | 'oci-log'
  | 'ctl'
  | 'winsz'
  | 'attach'
  | 'hosts'
  | 'hostname'
  | 'resolv.conf'
  | 'health.json'
  | 'health.pid'
  | 'root'
  | 'u'
  | 'w';

/** What the next run makes anew. */
const OF_ONE_RUN: readonly ContainerFile[] = [
  'exit',
  'oom',
  'oci-log',
  'health.json',
  'health.pid',
  'attach',
  'ctl',
  'winsz',
];

/**
 * Where a container with ids of its own has its root filesystem too, in the mounts of its monitor: its root may not pass the
 * directories of the machine's. Nothing is in it anywhere else.
 */
export const REACHABLE_ROOT = '/run/berth-rootfs';

type Mark = 'monitored' | 'carried';
type Presence = Disposable & Readonly<{ fd: number }>;

/** The files of one container: what it is started from (runtime-spec, "bundle"), what it changed, what it printed. */
export class ContainerFolder {
  readonly path: string;
  readonly #lockPath: string;

  /** @param directory `$BERTH_ROOT/containers`. */
  constructor(directory: string, id: string) {
    this.path = `${directory}/${id}`; // there are hundreds, made for each look at all: join() would take most of the time
    // Beside it: it goes last, and whoever waits for it must find it.
    this.#lockPath = `${this.path}.lock`;
  }

  make(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o711 });
  }

  /** @throws {RuntimeError} something in it cannot be removed. */
  remove(): void {
    this.unmount();
    removeTree(this.path);
    if (existsSync(this.path))
      throw new RuntimeError(`${this.path} cannot be removed: something is mounted or being written in it`);
    rmSync(this.#lockPath, { force: true });
  }

  /** The root filesystem is mounted only where its monitor is; what the monitor calls at the end is there too. */
  unmount(): void {
    const places = existsSync(this.path) ? mountsBelow(this.path) : [];
    if (places.length > 0 && existsSync(REACHABLE_ROOT) && isMountPoint(REACHABLE_ROOT))
      places.unshift(REACHABLE_ROOT);
    for (const place of places) umount(place, UMOUNT_FLAGS.detach | UMOUNT_FLAGS.noFollow);
  }

  /** Alone among all processes that change this container. */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    const fd = openSync(this.#lockPath, 'a', 0o600);
    try {
      await flock(fd, 'exclusive');
      return await work();
    } finally {
      closeSync(fd);
    }
  }

  /** As {@link locked}, unless somebody else is at it. */
  async lockedIfFree(work: () => Promise<void>): Promise<void> {
    const fd = openSync(this.#lockPath, 'a', 0o600);
    try {
      if (tryFlock(fd, 'exclusive')) await work();
    } finally {
      closeSync(fd);
    }
  }

  file(name: ContainerFile): string {
    return `${this.path}/${name}`;
  }

  /** Of the last run. `undefined` while it runs, and when its monitor was killed. */
  exitCode(): number | undefined {
    const text = readIfAny(this.file('exit')).trim();
    return /^\d+$/.test(text) ? Number(text) : undefined;
  }

  /** The process of conmon that stays. */
  monitorPid(): number | undefined {
    const pid = Number(readIfAny(this.file('conmon.pid')));
    return pid > 1 ? pid : undefined;
  }

  /**
   * For a monitor that is about to be started, and what it starts: as long as one of them has the descriptor open, whoever
   * comes later knows that it is there, though nobody has noted it.
   */
  markMonitored(): Presence {
    return this.#mark('monitored');
  }

  /** The same, for what takes its output to a syslog. */
  markCarried(): Presence {
    return this.#mark('carried');
  }

  #mark(name: Mark): Presence {
    const path = this.file(name);
    rmSync(path, { force: true }); // that of the last run may still be open in what cleans up after it
    const fd = openSync(path, 'wx', 0o600);
    tryFlock(fd, 'exclusive');
    return { fd, [Symbol.dispose]: () => closeSync(fd) };
  }

  #isMarked(name: Mark): boolean {
    const fd = openSync(this.file(name), 'r');
    try {
      return !tryFlock(fd, 'shared');
    } finally {
      closeSync(fd);
    }
  }

  /** Whether what takes its output to a syslog is no more. */
  get hasLostCarrier(): boolean {
    return existsSync(this.file('carried')) && !this.#isMarked('carried');
  }

  /** Whether a monitor was started, and nobody has taken apart since what it watched over. */
  get wasLaunched(): boolean {
    return existsSync(this.file('monitored'));
  }

  forgetLaunch(): void {
    rmSync(this.file('monitored'), { force: true });
  }

  /** Nobody is to do any more what comes after its end. */
  forgetCare(): void {
    rmSync(this.file('care'), { force: true });
  }

  /** Whether a monitor was started and has not seen the container's end. */
  get hasMonitor(): boolean {
    if (this.exitCode() !== undefined || !this.wasLaunched) return false;
    return this.#isMarked('monitored');
  }

  /** Whether the kernel's out-of-memory killer was at work in the last run. */
  get wasOutOfMemory(): boolean {
    try {
      readFileSync(this.file('oom'));
      return true;
    } catch {
      return false;
    }
  }

  /** Forgets the end of the last run. */
  forgetExit(): void {
    for (const name of OF_ONE_RUN) rmSync(this.file(name), { force: true });
  }
}
