import type { Writable } from 'node:stream';
import { newExecId, type TerminalSize } from '../../runtime/container/index.js';
import { EngineError } from '../errors.js';

/** What is to run in a container, as it was asked for. */
export type ExecConfig = Readonly<{
  containerId: string;
  args: readonly string[];
  env: readonly string[];
  user: string;
  cwd: string;
  privileged: boolean;
  tty: boolean;
  /** Bytes that end the session, and not the process. */
  detachKeys: Uint8Array;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}>;

export type Exec = ExecConfig &
  Readonly<{ id: string }> & {
    isRunning: boolean;
    exitCode: number | null;
    /** Of its terminal. */
    size: TerminalSize;
    /** Takes sizes of its terminal while it runs: lines of rows and columns. */
    sizes?: Writable;
  };

/** Those that somebody may still start, or ask for the end of. */
const KEPT = 1000;
/** Of all that are kept, in UTF-16 units: what is to run may be long. */
const KEPT_LENGTH = 16 * 1024 * 1024;

/** Further processes of containers, which live no longer than the engine. */
export class Execs {
  readonly #execs = new Map<string, Exec>();
  #length = 0;

  add(config: ExecConfig & Readonly<{ size: TerminalSize }>): Exec {
    const exec: Exec = { ...config, id: newExecId(), isRunning: false, exitCode: null };
    this.#execs.set(exec.id, exec);
    this.#length += lengthOf(exec);
    this.#forgetOldest();
    return exec;
  }

  /** @throws {EngineError} 404 */
  get(id: string): Exec {
    const exec = this.#execs.get(id);
    if (exec === undefined) throw new EngineError(404, `No such exec instance: ${id}`);
    return exec;
  }

  #forgetOldest(): void {
    const newest = [...this.#execs.keys()].at(-1);
    for (const [id, exec] of this.#execs) {
      if ((this.#execs.size <= KEPT && this.#length <= KEPT_LENGTH) || id === newest) return;
      if (exec.isRunning) continue;
      this.#execs.delete(id);
      this.#length -= lengthOf(exec);
    }
  }
}

function lengthOf({ args, env, user, cwd }: ExecConfig): number {
  return [...args, ...env, user, cwd].reduce((sum, text) => sum + text.length + 1, 0);
}
