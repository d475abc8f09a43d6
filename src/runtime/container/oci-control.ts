import { RuntimeError } from '../errors.js';
import type { UsableRuntime } from '../oci-runtime.js';
import { runProgram } from '../programs.js';

/** crun opens /dev/stdin by its name, as can be done with a pipe, and not with the socket that Node gives. */
const THROUGH_PIPE = 'cat | "$@"';

const ENDED = /process (?:already|has) (?:finished|been)|not (?:running|paused)|no such process/i;

/** What runc and crun do to containers that they have made. */
export class OciControl {
  readonly #command: readonly string[];
  /** Whether a command that cannot be started inside is told of on its own error stream: runc does, crun does not. */
  readonly tellsItself: boolean;

  /** @param stateDirectory where the program notes which containers there are. */
  constructor({ kind, program, options }: UsableRuntime, stateDirectory: string) {
    this.tellsItself = kind === 'runc';
    this.#command = [program, ...options, '--root', stateDirectory];
  }

  /** Runs the command of a container that was made. @throws {RuntimeError} */
  async start(id: string): Promise<void> {
    await this.#run('start', id);
  }

  /** @param signal a name with SIG, or a number. @throws {RuntimeError} it has no process. */
  async kill(id: string, signal: string): Promise<void> {
    await this.#run('kill', id, signal);
  }

  async pause(id: string): Promise<void> {
    await this.#run('pause', id);
  }

  async resume(id: string): Promise<void> {
    await this.#run('resume', id);
  }

  /** Changes the limits of a container that runs. @param resources runtime-spec config-linux.md, "Control groups". */
  async update(id: string, resources: object): Promise<void> {
    const command = [...this.#command, 'update', '--resources', '-', id];
    await runProgram(['/bin/sh', '-c', THROUGH_PIPE, 'sh', ...command], JSON.stringify(resources));
  }

  /** Ends what is left of it. Safe to repeat. */
  async remove(id: string): Promise<void> {
    await this.#run('delete', '--force', id);
  }

  /** Host pids of all processes in its cgroups. */
  async processes(id: string): Promise<number[]> {
    return JSON.parse(await this.#run('ps', '--format', 'json', id)) as number[];
  }

  /** The command line of another process inside. */
  execCommand(id: string, options: readonly string[]): string[] {
    return [...this.#command, 'exec', ...options, id];
  }

  #run(...args: readonly string[]): Promise<string> {
    return runProgram([...this.#command, ...args]);
  }
}

/** Waits for what is done to a container that may have ended between the look and that. */
export async function unlessEnded(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof RuntimeError) || !ENDED.test(error.message)) throw error;
  }
}
