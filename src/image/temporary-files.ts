import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, processIdentity } from '../linux/index.js';

/** What was left by a process that cannot be looked at from here is removed after so long. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

/** A directory for half-made files, made when it is first asked for, and gone with the process that made it. */
export class TemporaryFiles {
  readonly #parent: string;
  #base: string | undefined;
  #hasDirectory = false;

  constructor(parent: string) {
    this.#parent = parent;
  }

  get path(): string {
    const path = this.#own();
    if (!this.#hasDirectory) mkdirSync(path, { recursive: true, mode: 0o700 });
    this.#hasDirectory = true;
    return path;
  }

  /** Where a file of this process may be that others look for, with {@link inUse}. It is made by whoever writes it. */
  fileFor(suffix: string): string {
    return `${this.#own()}${suffix}`;
  }

  /** Such files of all processes that may still run, this one included. */
  inUse(suffix: string): string[] {
    return this.#all().flatMap(({ path, isAbandoned }) =>
      path.endsWith(suffix) && !isAbandoned() ? [path] : [],
    );
  }

  /** Removes what processes that were killed have left. */
  removeAbandoned(): void {
    for (const { path, isAbandoned } of this.#all())
      if (isAbandoned()) rmSync(path, { recursive: true, force: true });
  }

  /** Removes what {@link path} gave, with all in it. */
  remove(): void {
    if (this.#hasDirectory) rmSync(this.path, { recursive: true, force: true });
    this.#hasDirectory = false;
  }

  #own(): string {
    this.#base ??= join(this.#parent, `${processIdentity()}-${randomBytes(4).toString('hex')}`);
    return this.#base;
  }

  #all(): { path: string; isAbandoned: () => boolean }[] {
    return readdirSync(this.#parent).map((name) => {
      const path = join(this.#parent, name);
      return { path, isAbandoned: () => isAbandoned(name, path) };
    });
  }
}

function isAbandoned(identity: string, path: string): boolean {
  const running = isRunning(identity);
  if (running !== undefined) return !running;
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > ABANDONED_MS;
}
