import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type ContainerFolder, startAttachBridge } from '../../runtime/container/index.js';
import type { HijackedStream } from '../hijack.js';
import { pump, type Selected } from './pump.js';

type Options = Readonly<{ selected: Selected; tty: boolean; detachKeys: Uint8Array }>;

/** A client's connection on a container, by way of a bridge. */
export class AttachedStream {
  readonly #folder: ContainerFolder;
  readonly #stream: HijackedStream;
  readonly #options: Options;
  readonly #signal: AbortSignal;
  readonly #ended = Promise.withResolvers<void>();

  constructor(folder: ContainerFolder, stream: HijackedStream, options: Options, signal: AbortSignal) {
    this.#folder = folder;
    this.#stream = stream;
    this.#options = options;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#ended.resolve(), { once: true });
  }

  /** The container has ended, somebody detached, or the client has gone away. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Resolves when nothing that the container prints from now on is lost. */
  async open(): Promise<void> {
    const { selected, detachKeys } = this.#options;
    const bridge = startAttachBridge(this.#folder, {
      mode: 'plain',
      input: selected.stdin,
      detachKeys,
      stdio: [selected.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', 'pipe'],
    });
    this.#signal.addEventListener('abort', () => bridge.kill('SIGKILL'), { once: true });
    const ready = once(bridge.stdio[3] as NonNullable<ChildProcess['stdout']>, 'data').catch(() => {});
    void pump(bridge, this.#stream, this.#options).then(() => this.#ended.resolve());
    await Promise.race([ready, this.#ended.promise]);
  }
}
