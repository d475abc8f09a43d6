import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Change } from '../../layer/index.js';
import type { Digest } from '../../oci/index.js';
import { Channel, RemoteError } from '../channel.js';
import { ContainerFileError, ContainerFileNotFoundError, lastWords, RuntimeError } from '../errors.js';
import { requiredProgram } from '../programs.js';
import type { ChangedPlace } from './changed-files.js';
import type { FileStat, MergedPlace, WriteOptions } from './merged-files.js';

export type FilesPlace = MergedPlace | ChangedPlace;
type Waiting = Readonly<{ signal?: AbortSignal | undefined }>;

/** A process that has made the files of a container its root. One tar may go through it, in or out. */
export class FilesProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #channel: Channel;
  #complaint = '';

  /**
   * @param options `namespace`: the mount namespace that it begins with, such as `/proc/7/ns/mnt`; this process's if not given.
   * @throws {RuntimeUnavailableError}
   */
  static async start(
    place: FilesPlace,
    { namespace, signal }: Waiting & Readonly<{ namespace?: string }> = {},
  ): Promise<FilesProcess> {
    const command = [required('unshare'), '--mount', '--propagation', 'private', '--', ...workerCommand()];
    const inside = namespace === undefined ? [] : [required('nsenter'), `--mount=${namespace}`, '--'];
    const [program = '', ...args] = [...inside, ...command, JSON.stringify(place)];
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
      detached: true, // an interrupt from the terminal is for us to act on
      ...(signal && { signal, killSignal: 'SIGKILL' }),
    });
    const files = new FilesProcess(child);
    try {
      await files.#call('enter');
      return files;
    } catch (error) {
      await files[Symbol.asyncDispose]();
      signal?.throwIfAborted();
      throw error;
    }
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#channel = new Channel(child, {});
    child.stderr?.on('data', (chunk) => {
      this.#complaint = `${this.#complaint}${chunk}`.slice(-4096);
    });
    for (const stream of [child.stdin, child.stdout]) stream?.on('error', () => {}); // calls tell why
    child.once('error', (error) => this.#channel.close(ended(error.message)));
    child.once('exit', (code, signal) =>
      this.#channel.close(ended(lastWords(this.#complaint) || String(code ?? signal))),
    );
  }

  /** Its root, as this process sees it. */
  get root(): string {
    return `/proc/${this.#child.pid}/root`;
  }

  /** Mounts what lies on the tree. */
  async mountAll(): Promise<void> {
    await this.#call('mountAll');
  }

  /** @returns `undefined` where nothing is. */
  async stat(path: string): Promise<FileStat | undefined> {
    return (await this.#call('stat', path)) as FileStat | undefined;
  }

  /** @param name as in tarStream. @param use is given the tar; what it throws ends this. */
  async read(
    request: Readonly<{ path: string; name: string }>,
    use: (tar: Readable) => Promise<void>,
  ): Promise<void> {
    const tar = this.#child.stdout as Readable;
    const sent = this.#call('read', request);
    sent.catch((error: Error) => tar.destroy(error));
    await Promise.all([use(tar), sent]);
  }

  /** Unpacks a tar. @throws {ContainerFileNotFoundError} @throws {ContainerFileError} @throws {RuntimeError} */
  async write(tar: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<void> {
    const { stdin } = this.#child;
    if (stdin === null) throw new TypeError('there is no pipe');
    const stop = new AbortController();
    const unpacked = this.#call('write', options);
    const sent = pipeline(tar, stdin, { signal: stop.signal });
    unpacked.catch(() => stop.abort());
    const [outcome, sending] = await Promise.allSettled([unpacked, sent]);
    if (sending.status === 'rejected' && !stop.signal.aborted) throw sending.reason;
    if (outcome.status === 'rejected') throw outcome.reason;
  }

  async list(): Promise<readonly Change[]> {
    return (await this.#call('list')) as readonly Change[];
  }

  /** @returns `undefined` where nothing was changed: then the file holds no layer. */
  async writeLayer(): Promise<Readonly<{ digest: Digest; size: number }> | undefined> {
    return (await this.#call('writeLayer')) as { digest: Digest; size: number } | undefined;
  }

  /** When it is gone, so are its mounts. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  async #call(method: string, argument?: unknown): Promise<unknown> {
    try {
      return await this.#channel.call(method, argument);
    } catch (error) {
      throw error instanceof RemoteError ? translated(error) : error;
    }
  }
}

function translated({ remoteName, message }: RemoteError): RuntimeError {
  if (remoteName === 'ContainerFileNotFoundError') return new ContainerFileNotFoundError(message);
  const isOfPerson = ['ContainerFileError', 'LayerError', 'TarError', 'UserNotFoundError'].includes(
    remoteName,
  );
  return isOfPerson ? new ContainerFileError(message) : new RuntimeError(message);
}

function ended(why: string): RuntimeError {
  return new RuntimeError(`the process that looks into the container ended: ${why}`);
}

/** @throws {RuntimeUnavailableError} */
function required(name: string): string {
  return requiredProgram(name, { package: 'util-linux', for: 'files of containers' });
}

/** In the bundle, the worker stands above the chunks. */
function workerCommand(): string[] {
  return [process.execPath, new URL('../files-worker.cjs', import.meta.url).pathname];
}
