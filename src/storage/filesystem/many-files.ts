import type { Worker } from 'node:worker_threads';
import type { GatheredPart, Gathering } from './gathering.js';

/**
 * What is to be removed, by paths of the system. `durable` makes what is gone stay gone; `changedBefore` is in milliseconds
 * since 1970.
 */
type Removal =
  | Readonly<{ paths: readonly string[]; durable: boolean }>
  | Readonly<{ files: readonly string[]; changedBefore?: number | undefined }>;
export type FilesTask = Removal | Gathering;
export type FilesThreadData = Readonly<{ nice: number }>;
export type FilesRequest = Readonly<{ call: number; task: FilesTask }>;
/** `failure` is the first there was: what an error loses on its way between threads is its code. */
type Done = Readonly<{
  call: number;
  /** Of files that are gone. */
  sizes: (number | undefined)[];
  failure?: Readonly<{ message: string; code: string }>;
}>;
/** What was gathered comes before the end. */
export type FilesReply = Readonly<{ call: number; part: GatheredPart }> | Done;

/** A disk that is told of each block that becomes free lets one thread wait for most of its time. */
const MAX_THREADS = 2;
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
    return this.#perform({ files, changedBefore: changedBefore?.getTime() });
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

  #perform(task: FilesTask, found: (part: GatheredPart) => void = () => {}): Promise<(number | undefined)[]> {
    const running = this.#threads.filter(({ ended }) => !ended);
    this.#threads.splice(0, Infinity, ...running);
    const [least] = running.toSorted((a, b) => a.calls - b.calls);
    if (least && (least.calls === 0 || running.length === MAX_THREADS)) return least.perform(task, found);
    const thread = new FilesThread(this.#nice);
    this.#threads.push(thread);
    return thread.perform(task, found);
  }
}

type Call = Readonly<{
  found: (part: GatheredPart) => void;
  resolve: (sizes: (number | undefined)[]) => void;
  reject: (error: Error) => void;
}>;

class FilesThread {
  ended = false;
  readonly #calls = new Map<number, Call>();
  readonly #worker: Worker;
  #idle: NodeJS.Timeout | undefined;
  #lastCall = 0;

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
    this.#worker.on('message', (reply: FilesReply) => this.#take(reply));
    this.#worker.on('error', (error: Error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('the thread that works on files ended')));
  }

  /** Under way. */
  get calls(): number {
    return this.#calls.size;
  }

  /** The process does not end before that is done. */
  perform(task: FilesTask, found: (part: GatheredPart) => void): Promise<(number | undefined)[]> {
    clearTimeout(this.#idle);
    this.#worker.ref();
    this.#lastCall += 1;
    const call = this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { found, resolve, reject });
      this.#worker.postMessage({ call, task } satisfies FilesRequest);
    });
  }

  #take(reply: FilesReply): void {
    if ('part' in reply) this.#calls.get(reply.call)?.found(reply.part);
    else this.#settle(reply);
  }

  #settle({ call, sizes, failure }: Done): void {
    const { resolve, reject } = this.#calls.get(call) ?? {};
    this.#calls.delete(call);
    if (failure) reject?.(Object.assign(new Error(failure.message), { code: failure.code }));
    else resolve?.(sizes);
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
