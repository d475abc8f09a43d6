import { appendFile, mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunError, run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** It is full when nothing is free so many times in a row. */
const LOOKS = 5;
const LOOK_MS = 100;

/** A file system of its own, in memory: small enough to fill, and ours to make read-only. */
export class Tmpfs implements AsyncDisposable {
  readonly path: string;
  readonly #folder: AsyncDisposable;

  private constructor(path: string, folder: AsyncDisposable) {
    this.path = path;
    this.#folder = folder;
  }

  static async mount(mebibytes: number): Promise<Tmpfs> {
    const folder = await temporaryFolder('tmpfs');
    const path = `${folder.path}/mount`;
    await mkdir(path);
    try {
      await run(['mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      if (!(error instanceof RunError)) throw error;
      throw new Error('these tests mount file systems, which only root may do', { cause: error });
    }
    return new Tmpfs(path, folder);
  }

  /** Until not one byte is left, nor given back by who still cleans up. @returns the file that fills it. */
  async fill(): Promise<string> {
    const ballast = join(this.path, 'ballast');
    for (let full = 0; full < LOOKS; full += 1) {
      const { bavail, bsize } = await statfs(this.path);
      if (bavail > 0) full = 0;
      try {
        await appendFile(ballast, Buffer.alloc(bavail * bsize));
      } catch (error) {
        // Somebody else has taken some since: it is as full.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
      await sleep(LOOK_MS);
    }
    return ballast;
  }

  async makeReadOnly(): Promise<void> {
    await run(['mount', '-o', 'remount,ro', this.path]);
  }

  async makeWritable(): Promise<void> {
    await run(['mount', '-o', 'remount,rw', this.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(['umount', '--lazy', this.path]);
    await rm(this.path, { recursive: true, force: true });
    await this.#folder[Symbol.asyncDispose]();
  }
}
