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

/** Those whose end somebody may still ask for. */
const KEPT = 1000;

/** Further processes of containers, which live no longer than the engine. */
export class Execs {
  readonly #execs = new Map<string, Exec>();

  add(config: ExecConfig & Readonly<{ size: TerminalSize }>): Exec {
    const exec: Exec = { ...config, id: newExecId(), isRunning: false, exitCode: null };
    this.#execs.set(exec.id, exec);
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
    for (const [id, { exitCode }] of this.#execs) {
      if (this.#execs.size <= KEPT) return;
      if (exitCode !== null) this.#execs.delete(id);
    }
  }
}
