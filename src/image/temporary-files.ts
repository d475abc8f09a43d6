import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, processIdentity } from '../linux/index.js';

/** What was left by a process that cannot be looked at from here is removed after so long. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

/** A directory for half-made files, made when it is first asked for, and gone with the process that made it. */
export class TemporaryFiles {
  readonly #parent: string;
  #path: string | undefined;

  constructor(parent: string) {
    this.#parent = parent;
  }

  get path(): string {
    if (this.#path === undefined) {
      this.#path = join(this.#parent, `${processIdentity()}-${randomBytes(4).toString('hex')}`);
      mkdirSync(this.#path, { recursive: true, mode: 0o700 });
    }
    return this.#path;
  }

  /** Removes what processes that were killed have left. */
  removeAbandoned(): void {
    for (const name of readdirSync(this.#parent)) {
      const path = join(this.#parent, name);
      if (isAbandoned(name, path)) rmSync(path, { recursive: true, force: true });
    }
  }

  remove(): void {
    if (this.#path !== undefined) rmSync(this.#path, { recursive: true, force: true });
    this.#path = undefined;
  }
}

function isAbandoned(identity: string, path: string): boolean {
  const running = isRunning(identity);
  if (running !== undefined) return !running;
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > ABANDONED_MS;
}
