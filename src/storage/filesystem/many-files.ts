import type { Worker } from 'node:worker_threads';

/**
 * What is to be removed, by paths of the system. `durable` makes what is gone stay gone; `changedBefore` is in milliseconds
 * since 1970.
 */
export type Removal =
  | Readonly<{ paths: readonly string[]; durable: boolean }>
  | Readonly<{ files: readonly string[]; changedBefore?: number | undefined }>;
export type FilesThreadData = Readonly<{ nice: number }>;
export type FilesRequest = Readonly<{ call: number; removal: Removal }>;
/** `sizes` of files; `failure` is the first there was: what an error loses on its way between threads is its code. */
export type FilesReply = Readonly<{
  call: number;
  sizes: (number | undefined)[];
  failure?: Readonly<{ message: string; code: string }>;
}>;

/** A disk that is told of each block that becomes free lets one thread wait for most of its time. */
const MAX_THREADS = 2;
/** Each costs memory, and little is removed most of the time. */
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

  #perform(removal: Removal): Promise<(number | undefined)[]> {
    const running = this.#threads.filter(({ ended }) => !ended);
    this.#threads.splice(0, Infinity, ...running);
    const [least] = running.toSorted((a, b) => a.calls - b.calls);
    if (least && (least.calls === 0 || running.length === MAX_THREADS)) return least.perform(removal);
    const thread = new FilesThread(this.#nice);
    this.#threads.push(thread);
    return thread.perform(removal);
  }
}

type Call = Readonly<{ resolve: (sizes: (number | undefined)[]) => void; reject: (error: Error) => void }>;

class FilesThread {
  ended = false;
  readonly #calls = new Map<number, Call>();
  readonly #worker: Worker;
  #idle: NodeJS.Timeout | undefined;
  #lastCall = 0;

  constructor(nice: number) {
    // Run from the sources (tests) or from the bundle; the worker stands beside this file, or above the chunks.
    const file = import.meta.url.endsWith('.ts') ? './many-files-worker.ts' : '../many-files-worker.cjs';
    const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 };
    // Loaded here: most programs never remove that much.
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    this.#worker = new Worker(new URL(file, import.meta.url), {
      resourceLimits,
      workerData: { nice } satisfies FilesThreadData,
    });
    this.#worker.on('message', (reply: FilesReply) => this.#settle(reply));
    this.#worker.on('error', (error: Error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error('the thread that works on files ended')));
  }

  /** Under way. */
  get calls(): number {
    return this.#calls.size;
  }

  /** The process does not end before that is done. */
  perform(removal: Removal): Promise<(number | undefined)[]> {
    clearTimeout(this.#idle);
    this.#worker.ref();
    this.#lastCall += 1;
    const call = this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      this.#worker.postMessage({ call, removal } satisfies FilesRequest);
    });
  }

  #settle({ call, sizes, failure }: FilesReply): void {
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
