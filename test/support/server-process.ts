import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanEnvironment, explained } from './run.js';

export type ServerOptions = Readonly<{
  command: readonly string[];
  cwd: string;
  env?: NodeJS.ProcessEnv;
  /** Asked again and again after the start until it says yes. */
  isReady: () => Promise<boolean>;
  startTimeoutMs?: number;
}>;

/** A program that runs until it is stopped, and never longer than the tests. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #command: readonly string[];
  readonly #output: string[] = [];
  /** The exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  #running = true;

  private constructor({ command, cwd, env = cleanEnvironment() }: ServerOptions) {
    const [program = '', ...args] = command;
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#command = command;
    child.stdout.on('data', (data: Buffer) => this.#output.push(data.toString()));
    child.stderr.on('data', (data: Buffer) => this.#output.push(data.toString()));
    const kill = () => void child.kill('SIGKILL');
    process.once('exit', kill);
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#output.push(explained(error, program).message);
        resolve(127);
      });
      child.once('close', (code, signal) => resolve(code ?? signal ?? 0));
    });
    void this.exited.then(() => {
      this.#running = false;
      process.off('exit', kill);
    });
  }

  /** @throws {Error} with its output, when it ends instead of becoming ready. */
  static async start(options: ServerOptions): Promise<ServerProcess> {
    const { isReady, startTimeoutMs = 60_000 } = options;
    const server = new ServerProcess(options);
    const deadline = performance.now() + startTimeoutMs;
    while (!(await isReady().catch(() => false))) {
      if (!server.#running) throw server.#failure('ended at its start');
      if (performance.now() > deadline) {
        await server.stop('SIGKILL');
        throw server.#failure(`was not ready after ${startTimeoutMs} ms`);
      }
      await sleep(25);
    }
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** What it wrote to stdout and stderr so far. */
  get output(): string {
    return this.#output.join('');
  }

  /** Sends the signal, then waits for the end; after `patienceMs` it is killed. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patienceMs = 30_000): Promise<number | NodeJS.Signals> {
    const impatient = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    this.#child.kill(signal);
    const outcome = await this.exited;
    clearTimeout(impatient);
    return outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #failure(what: string): Error {
    return new Error(`${this.#command.join(' ')} ${what}: ${this.output.slice(-4000)}`);
  }
}
