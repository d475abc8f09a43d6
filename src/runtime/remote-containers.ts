import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { FailedContainer, LayerStack, RunOutcome, RunStep } from '../layer/index.js';
import { Channel, RemoteError } from './channel.js';
import { lastWords, RuntimeError, RuntimeUnavailableError, UserNotFoundError } from './errors.js';
import type { ContainerMaker } from './local-containers.js';
import type { MachineOptions } from './machine.js';
import { LayerSources, type SentStep, withLayers } from './step-transfer.js';
import { startInUserNamespace } from './user-namespace.js';

/** What the worker answers; `failed` is the number of a container that is kept there. */
export type SentOutcome = Exclude<RunOutcome, { failed?: unknown }> | { exitCode: number; failed?: number };

export type RemoteOptions = MachineOptions & Readonly<{ worker?: readonly string[] }>;

/** Containers in a user namespace: the same as of root, made by a process that is root there (user-namespace-worker.ts). */
export class RemoteContainers implements ContainerMaker {
  readonly #child: ChildProcess;
  readonly #channel: Channel;
  readonly #layers = new LayerSources();
  readonly #steps = new Map<number, RunStep>();
  #nextID = 0;
  #complaint = '';

  static async start({ worker = workerCommand(), ...options }: RemoteOptions): Promise<RemoteContainers> {
    const child = await startInUserNamespace([...worker, JSON.stringify(options)]);
    return new RemoteContainers(child);
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#channel = new Channel(child, {
      output: ({ id, stream, chunk }: { id: number; stream: 'stdout' | 'stderr'; chunk: Uint8Array }) =>
        this.#steps.get(id)?.onOutput(stream, chunk),
      openLayer: (source: number) => this.#layers.open(source),
      readLayer: (reader: number) => this.#layers.read(reader),
      cancelLayer: (reader: number) => this.#layers.cancel(reader),
    });
    child.stderr?.on('data', (chunk) => {
      this.#complaint = `${this.#complaint}${chunk}`.slice(-4096);
    });
    child.once('exit', (code, signal) => this.#channel.close(this.#ended(code ?? signal)));
  }

  async run(step: RunStep): Promise<RunOutcome> {
    this.#nextID += 1;
    const id = this.#nextID;
    this.#steps.set(id, step);
    const abort = () => void this.#channel.call('abort', id).catch(() => {});
    step.signal.addEventListener('abort', abort, { once: true });
    try {
      const { onOutput: _, signal: __, ...plain } = step;
      const sent: SentStep = { id, step: withLayers(plain, (layer) => this.#layers.send(layer) as never) };
      const outcome = (await this.#call('run', sent, step.signal)) as SentOutcome;
      return this.#received(outcome);
    } finally {
      step.signal.removeEventListener('abort', abort);
      this.#steps.delete(id);
    }
  }

  async ensure(stack: LayerStack, { signal }: { signal?: AbortSignal } = {}): Promise<readonly string[]> {
    const sent = stack.map((layer) => this.#layers.send(layer));
    return (await this.#call('ensure', sent, signal)) as readonly string[];
  }

  async discard(paths: readonly string[]): Promise<void> {
    await this.#call('discardTrees', paths);
  }

  async pruneSnapshots(keep: readonly string[]): Promise<boolean> {
    return (await this.#call('pruneSnapshots', keep)) === true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  #received(outcome: SentOutcome): RunOutcome {
    if (!('failed' in outcome) || outcome.failed === undefined) return outcome as RunOutcome;
    const { exitCode, failed: id } = outcome;
    const failed: FailedContainer = {
      shell: async () => void (await this.#call('shell', id)),
      [Symbol.asyncDispose]: async () => void (await this.#call('discardFailed', id)),
    };
    return { exitCode, failed };
  }

  async #call(method: string, argument: unknown, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    try {
      return await this.#channel.call(method, argument);
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof RemoteError ? translated(error) : error;
    }
  }

  #ended(how: unknown): RuntimeError {
    const words = lastWords(this.#complaint);
    return new RuntimeError(`the process that runs containers ended (${how})${words && `: ${words}`}`);
  }
}

function translated({ remoteName, message }: RemoteError): RuntimeError {
  if (remoteName === 'RuntimeUnavailableError') return new RuntimeUnavailableError(message);
  if (remoteName === 'UserNotFoundError') return new UserNotFoundError(message);
  return new RuntimeError(message);
}

/** In the bundle, the worker stands above the chunks. */
function workerCommand(): string[] {
  return [process.execPath, new URL('../user-namespace-worker.cjs', import.meta.url).pathname];
}
