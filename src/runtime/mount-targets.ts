import { closeSync, mkdirSync, openSync, readdirSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { lutimes, type Time } from '../linux/index.js';
import { RuntimeError } from './errors.js';
import { lstatIfAny, resolveInRoot } from './root-path.js';

/**
 * Places for mounts in a root filesystem, there for as long as the container: afterwards nothing tells that they were
 * made, so that a layer has no empty files of ours.
 */
export class MountTargets {
  readonly #root: string;
  readonly #made: string[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Makes `target` where it is missing. @returns its real place as seen in the container, symbolic links followed.
   * @throws {RuntimeError} nothing of this kind can be mounted there.
   */
  add(target: string, kind: 'file' | 'directory'): string {
    const path = resolveInRoot(this.#root, target);
    this.#make(path, kind);
    return path.slice(this.#root.length) || '/';
  }

  /** Removes what was made, unless something has been put there. */
  removeUnused(): void {
    for (const path of this.#made.toReversed()) {
      const stats = this.#isReached(dirname(path)) ? lstatIfAny(path) : undefined;
      if (!stats) continue;
      if (stats.isDirectory()) {
        if (readdirSync(path).length === 0) keepingTime(dirname(path), () => rmdirSync(path));
      } else if (stats.isFile() && stats.size === 0) {
        keepingTime(dirname(path), () => unlinkSync(path));
      }
    }
  }

  /** By directories alone: the command may have left a link on the way, which here would lead out of the root. */
  #isReached(directory: string): boolean {
    if (directory.length <= this.#root.length) return true;
    return this.#isReached(dirname(directory)) && lstatIfAny(directory)?.isDirectory() === true;
  }

  #make(path: string, kind: 'file' | 'directory'): void {
    const stats = lstatIfAny(path);
    if (stats && stats.isDirectory() !== (kind === 'directory')) {
      const is = stats.isDirectory() ? 'is a directory' : 'is no directory';
      throw new RuntimeError(
        `${path.slice(this.#root.length)} of the container ${is}, so that a ${kind} cannot be mounted there`,
      );
    }
    if (stats) return;
    const parent = dirname(path);
    if (parent.length > this.#root.length) this.#make(parent, 'directory');
    keepingTime(parent, () => {
      if (kind === 'directory') mkdirSync(path, { mode: 0o755 });
      else closeSync(openSync(path, 'wx', 0o644));
    });
    this.#made.push(path);
  }
}

/** What `change` does in a directory does not show in the directory's own time. */
function keepingTime(directory: string, change: () => void): void {
  const { mtimeNs, atimeNs } = statSync(directory, { bigint: true });
  change();
  lutimes(directory, timeOf(mtimeNs), timeOf(atimeNs));
}

function timeOf(nanoseconds: bigint): Time {
  const second = 1_000_000_000n;
  return { seconds: Number(nanoseconds / second), nanoseconds: Number(nanoseconds % second) };
}
