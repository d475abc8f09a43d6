import { closeSync, fstatSync, openSync, readSync, rmSync, statSync, watch, writeSync } from 'node:fs';
import { tryFlock } from '../../linux/index.js';
import { NOT_FRUGAL } from './frugal.js';

/** What is in the file until the monitor says that the run has ended: with a byte in its place, which needs no room on the disk. */
const RUNNING = '.';
/**
 * Waits until nobody is at it, and then does it, if that has not been done or is of another run. Whoever is at it is told
 * by a byte. That starts two small programs, where the command itself is a whole Node.
 */
const HOOK =
  '[ -e "$0" ] && exec 3<>"$0" && echo >&3 || exit 0; flock 3; ' +
  `[ "$0" -ef /proc/self/fd/3 ] && ${NOT_FRUGAL} && exec "$@" 3>&-`;

/**
 * What comes after the end of one run of a container, as something to be done: a file that is there until it has been, and
 * is locked by whoever does it. When that is killed the lock is gone, and what the monitor calls at the end does it.
 */
export class Care implements Disposable {
  readonly #path: string;
  #fd: number | undefined;

  /** For what the monitor calls at the end. @param path that of an earlier run is replaced. */
  static leave(path: string): void {
    closeSync(newFile(path));
  }

  /** For this process. */
  static take(path: string): Care {
    const fd = newFile(path);
    tryFlock(fd, 'exclusive');
    return new Care(path, fd);
  }

  /** What a monitor calls at the end. @param command does it, also where it has been done. */
  static hook(path: string, command: readonly string[]): string[] {
    return ['/bin/sh', '-c', HOOK, path, ...command];
  }

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /** Whether it is still to be done, of this run, and by this process. */
  get isOpen(): boolean {
    const there = statSync(this.#path, { throwIfNoEntry: false });
    return this.#fd !== undefined && there?.ino === fstatSync(this.#fd).ino;
  }

  /** Until the monitor says that the run has ended, or somebody else has done it, or a signal says so. @throws it cannot be watched. */
  async toBeDone(hasEnded: () => boolean, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    const look = () => {
      if (signal.aborted || hasEnded() || !this.isOpen || this.#isTold()) over.resolve();
    };
    using resources = new DisposableStack();
    signal.addEventListener('abort', look);
    resources.defer(() => signal.removeEventListener('abort', look));
    const watcher = watch(this.#path, look).on('error', over.reject);
    resources.defer(() => watcher.close());
    look();
    await over.promise;
  }

  #isTold(): boolean {
    const byte = Buffer.alloc(1);
    if (this.#fd !== undefined) readSync(this.#fd, byte, 0, 1, 0);
    return byte.toString() !== RUNNING;
  }

  /** It has been done, and nobody else need do it. */
  done(): void {
    if (this.isOpen) rmSync(this.#path, { force: true });
    this[Symbol.dispose]();
  }

  /** Leaves it to others. */
  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function newFile(path: string): number {
  rmSync(path, { force: true });
  const fd = openSync(path, 'wx+', 0o600);
  writeSync(fd, RUNNING, 0);
  return fd;
}
