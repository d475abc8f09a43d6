import type { EventLoopUtilization } from 'node:perf_hooks';
import type { Worker } from 'node:worker_threads';
import type { GatheredPart, Gathering } from './gathering.js';

/**
 * What is to be removed, by paths of the system; `files` with a NUL between two, which costs a tenth of a list on its way to
 * another thread. `durable` makes what is gone stay gone; `changedBefore` is in milliseconds since 1970.
 */
type Removal =
  | Readonly<{ paths: readonly string[]; durable: boolean }>
  | Readonly<{ files: string; changedBefore?: number | undefined }>;
/** Directories, whose names are wanted. */
type Listing = Readonly<{ list: readonly string[] }>;
export type FilesTask = Removal | Gathering | Listing;
/** Sizes of files that are gone; for a listing, names as `namesBelow` joins them. */
export type FilesResult = (number | string | undefined)[];
export type FilesThreadData = Readonly<{ nice: number }>;
export type FilesRequest = Readonly<{ call: number; task: FilesTask }>;
/** `failure` is the first there was: what an error loses on its way between threads is its code. */
type Done = Readonly<{
  call: number;
  result: FilesResult;
  failure?: Readonly<{ message: string; code: string }>;
}>;
/** What was gathered comes before the end. */
export type FilesReply = Readonly<{ call: number; part: GatheredPart }> | Done;

/** A disk that is told of each block that becomes free lets one thread wait for most of its time. */
const MAX_THREADS = 2;
/** A thread that has hardly a moment to spare for so long is worth what it takes to start another. */
const FULL = { share: 0.9, ms: 100 };
/** Each costs memory, and there is little to do most of the time. */
const IDLE_MS = 10_000;

/**
 * Works on many files in threads of its own, so that neither the event loop nor the threads that serve requests have
 * anything to do with it. Each call goes to one of them.
 */
export class ManyFiles {
  readonly #threads: FilesThread[] = [];
  readonly #nice: number;

  /** @param nice from 0 to 19: how much its threads give way to those who have something to answer. */
  constructor(nice: number) {
    this.#nice = nice;
  }

  /** Files, and directories with everything below them. Absent is fine. @throws the first failure, once the others are gone. */
  async remove(paths: readonly string[], { durable }: { durable: boolean }): Promise<void> {
    await this.#perform({ paths, durable });
  }

  /**
   * Files, each with its directory where that is empty then. @returns the size of each that is gone.
   * @throws the first failure, once the others are gone.
   */
  removeFiles(files: readonly string[], changedBefore?: Date): Promise<(number | undefined)[]> {
    return this.#perform({ files: files.join('\0'), changedBefore: changedBefore?.getTime() }) as Promise<
      (number | undefined)[]
    >;
  }

  /** @returns the names below each directory, in byte order. @throws the first failure, once all else was looked at. */
  async list(directories: readonly string[]): Promise<string[][]> {
    const names = (await this.#perform({ list: directories })) as string[];
    return names.map((joined) => (joined === '' ? [] : joined.split('/')));
  }

  /**
   * Each file, and all files below each directory. Absent is fine.
   * @param found is given what was found, as it comes; with the bytes of files that have no more than `readUpTo`.
   * @throws the first failure, once all else was looked at.
   */
  async gather(
    paths: readonly string[],
    { readUpTo }: { readUpTo: number },
    found: (part: GatheredPart) => void,
  ): Promise<void> {
    await this.#perform({ gather: paths, readUpTo }, found);
  }

  #perform(task: FilesTask, found: (part: GatheredPart) => void = () => {}): Promise<FilesResult> {
    const running = this.#threads.filter(({ ended }) => !ended);
    this.#threads.splice(0, Infinity, ...running);
    const [least] = running.toSorted((a, b) => a.calls - b.calls);
    const isEnough = running.length === MAX_THREADS || least?.isFull() === false;
    if (least && isEnough) return least.perform(task, found);
    const thread = new FilesThread(this.#nice);
    this.#threads.push(thread);
    return thread.perform(task, found);
  }
}

type Call = Readonly<{
  found: (part: GatheredPart) => void;
  resolve: (result: FilesResult) => void;
  reject: (error: Error) => void;
}>;

class FilesThread {
  ended = false;
  readonly #calls = new Map<number, Call>();
  readonly #worker: Worker;
  #idle: NodeJS.Timeout | undefined;
  #lastCall = 0;
  #isFull = false;
  /** Since when it is watched how much it has to do, and what that was then. */
  #watched: Readonly<{ at: number; before: EventLoopUtilization }>;

  constructor(nice: number) {
    // Run from the sources (tests) or from the bundle; the worker stands beside this file, or above the chunks.
    const file = import.meta.url.endsWith('.ts') ? './many-files-worker.ts' : '../many-files-worker.cjs';
    const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 128 };
    // Loaded here: most programs never need it.
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    this.#worker = new Worker(new URL(file, import.meta.url), {
      resourceLimits,
      workerData: { nice } satisfies FilesThreadData,
    });
    this.#watched = this.#watch();
    this.#worker.on('message', (reply: FilesReply) => this.#take(reply));
    this.#worker.on('error', (error: Error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('the thread that works on files ended')));
  }

  /** Under way. */
  get calls(): number {
    return this.#calls.size;
  }

  /** Whether it had hardly a moment to spare lately: what it has to do may wait for whoever asks for it. */
  isFull(): boolean {
    const { at, before } = this.#watched;
    if (this.#calls.size === 0 || performance.now() - at < FULL.ms) return this.#isFull;
    this.#isFull = this.#worker.performance.eventLoopUtilization(before).utilization > FULL.share;
    this.#watched = this.#watch();
    return this.#isFull;
  }

  /** The process does not end before that is done. */
  perform(task: FilesTask, found: (part: GatheredPart) => void): Promise<FilesResult> {
    clearTimeout(this.#idle);
    this.#worker.ref();
    this.#lastCall += 1;
    if (this.#calls.size === 0) {
      this.#isFull = false;
      this.#watched = this.#watch();
    }
    const call = this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { found, resolve, reject });
      this.#worker.postMessage({ call, task } satisfies FilesRequest);
    });
  }

  #watch() {
    return { at: performance.now(), before: this.#worker.performance.eventLoopUtilization() };
  }

  #take(reply: FilesReply): void {
    if ('part' in reply) this.#calls.get(reply.call)?.found(reply.part);
    else this.#settle(reply);
  }

  #settle({ call, result, failure }: Done): void {
    const { resolve, reject } = this.#calls.get(call) ?? {};
    this.#calls.delete(call);
    if (failure) reject?.(Object.assign(new Error(failure.message), { code: failure.code }));
    else resolve?.(result);
    if (this.#calls.size > 0) return;
    this.#worker.unref();
    this.#idle = setTimeout(() => {
      this.ended = true;
      void this.#worker.terminate();
    }, IDLE_MS).unref();
  }

  #end(error: Error): void {
    this.ended = true;
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }
}
