import { createHash, type Hash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { type Digest, digestOf, type HashAlgorithm } from '../oci/index.js';

export type Digests = ReadonlyMap<HashAlgorithm, Digest>;

/** Hashes one stream of bytes, in order. Not for use by two callers at once. */
export interface Hasher {
  readonly algorithms: readonly HashAlgorithm[];
  /** Bytes hashed so far; -1 once hashing has failed. */
  readonly size: number;
  /** Takes the chunks away: nobody else may look at them any more. Their hashing may go on once this resolves. */
  update(chunks: readonly Uint8Array[]): Promise<void>;
  /** Of everything so far, by algorithm; hashing may go on afterwards. */
  digests(): Promise<Digests>;
  close(): void;
}

export type HashRequest =
  | Readonly<{
      kind: 'update';
      session: number;
      call: number;
      chunks: readonly Uint8Array[];
      algorithms: readonly HashAlgorithm[];
    }>
  | Readonly<{ kind: 'digest'; session: number; call: number }>
  | Readonly<{ kind: 'close'; session: number }>;
export type HashReply = Readonly<{ call: number; hex: readonly string[] }>;

/** Updates that a thread may have before it: it should never run out of them, and each holds memory. */
const UPDATES_PER_WORKER = 6;

/**
 * Threads that hash what is too long for the event loop. They are given the memory that the bytes are in, and free it
 * at once: left to the collector, the buffers of a fast upload would pile up. All streams share a few turns, so that
 * many fast ones wait for each other.
 */
export class HashPool implements AsyncDisposable {
  readonly #waiting: (() => void)[] = [];
  readonly #workers: PoolWorker[] = [];
  readonly #workerCount: number;
  #freeTurns: number;
  #nextSession = 0;

  constructor(options: { workers?: number } = {}) {
    // The event loop needs a core too, and each thread costs the memory of a small Node.
    this.#workerCount = options.workers ?? Math.max(1, Math.min(2, availableParallelism() - 1));
    this.#freeTurns = this.#workerCount * UPDATES_PER_WORKER;
  }

  /** For long streams. */
  open(algorithms: readonly HashAlgorithm[]): Hasher {
    const worker = this.#leastBusy();
    this.#nextSession += 1;
    return new WorkerHasher(this, worker, this.#nextSession, algorithms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }

  async takeTurn(): Promise<void> {
    if (this.#freeTurns > 0) this.#freeTurns -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  returnTurn(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#freeTurns += 1;
  }

  #leastBusy(): PoolWorker {
    const dead = this.#workers.findIndex((worker) => worker.failure !== undefined);
    if (dead >= 0) this.#workers.splice(dead, 1);
    const idle = this.#workers.find((worker) => worker.sessions === 0);
    if (idle) return idle;
    if (this.#workers.length < this.#workerCount) {
      const worker = new PoolWorker();
      this.#workers.push(worker);
      return worker;
    }
    return this.#workers.reduce((least, worker) => (worker.sessions < least.sessions ? worker : least));
  }
}

/** One thread, and the calls that wait for its answer. */
class PoolWorker {
  sessions = 0;
  readonly #worker: Worker;
  readonly #calls = new Map<
    number,
    { resolve: (hex: readonly string[]) => void; reject: (error: Error) => void }
  >();
  #nextCall = 0;
  #failure: Error | undefined;

  constructor() {
    // Run from the sources (tests) or from the bundle; the worker stands beside this file, or above the chunks.
    const file = import.meta.url.endsWith('.ts') ? './hash-worker.ts' : '../hash-worker.cjs';
    // It holds hashes and little else: without limits its heap would grow before it is ever tidied up.
    const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 };
    // Loaded here: most programs never hash anything that long.
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    this.#worker = new Worker(new URL(file, import.meta.url), { resourceLimits });
    this.#worker.unref();
    this.#worker.on('message', ({ call, hex }: HashReply) => {
      this.#calls.get(call)?.resolve(hex);
      this.#calls.delete(call);
    });
    this.#worker.on('error', (error: Error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('the hash worker ended')));
  }

  /** Why it can no longer be asked. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** @param given memory that goes over to the thread. */
  ask(
    request: (call: number) => HashRequest,
    given: readonly ArrayBuffer[] = [],
  ): Promise<readonly string[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#nextCall += 1;
    const call = this.#nextCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject });
      this.#worker.postMessage(request(call), given);
    });
  }

  tell(request: HashRequest): void {
    this.#worker.postMessage(request);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

class WorkerHasher implements Hasher {
  readonly algorithms: readonly HashAlgorithm[];
  readonly #pool: HashPool;
  readonly #worker: PoolWorker;
  readonly #session: number;
  #size = 0;
  #failure: unknown;
  #closed = false;

  constructor(pool: HashPool, worker: PoolWorker, session: number, algorithms: readonly HashAlgorithm[]) {
    this.algorithms = algorithms;
    this.#pool = pool;
    this.#worker = worker;
    this.#session = session;
    worker.sessions += 1;
  }

  get size(): number {
    return this.#failure === undefined ? this.#size : -1;
  }

  async update(chunks: readonly Uint8Array[]): Promise<void> {
    await this.#pool.takeTurn();
    this.#send(chunks.map(whole));
    if (this.#failure !== undefined) throw this.#failure;
  }

  async digests(): Promise<Digests> {
    if (this.#failure !== undefined) throw this.#failure;
    const hex =
      this.#size === 0
        ? this.algorithms.map((algorithm) => createHash(algorithm).digest('hex'))
        : await this.#worker.ask((call) => ({ kind: 'digest', session: this.#session, call }));
    return digestsOf(this.algorithms, hex);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#worker.sessions -= 1;
    this.#worker.tell({ kind: 'close', session: this.#session });
  }

  /** Does not wait: turns limit how far hashing may lag behind. */
  #send(chunks: readonly Uint8Array<ArrayBuffer>[]): void {
    for (const { byteLength } of chunks) this.#size += byteLength;
    const { algorithms } = this;
    this.#worker
      .ask(
        (call) => ({ kind: 'update', session: this.#session, call, chunks, algorithms }),
        chunks.map(({ buffer }) => buffer),
      )
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => this.#pool.returnTurn());
  }
}

/** Memory can be given away as a whole only: what is a piece of a larger one is copied. */
function whole(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = chunk;
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === chunk.byteLength;
  return isWhole ? (chunk as Uint8Array<ArrayBuffer>) : new Uint8Array(chunk);
}

/** For short streams, where handing bytes to a thread would cost more than hashing them. */
export class InlineHasher implements Hasher {
  readonly algorithms: readonly HashAlgorithm[];
  readonly #hashes: readonly Hash[];
  #size = 0;

  constructor(algorithms: readonly HashAlgorithm[]) {
    this.algorithms = algorithms;
    this.#hashes = algorithms.map((algorithm) => createHash(algorithm));
  }

  get size(): number {
    return this.#size;
  }

  async update(chunks: readonly Uint8Array[]): Promise<void> {
    for (const chunk of chunks) {
      for (const hash of this.#hashes) hash.update(chunk);
      this.#size += chunk.byteLength;
    }
  }

  async digests(): Promise<Digests> {
    return digestsOf(
      this.algorithms,
      this.#hashes.map((hash) => hash.copy().digest('hex')),
    );
  }

  close(): void {}
}

function digestsOf(algorithms: readonly HashAlgorithm[], hex: readonly string[]): Digests {
  return new Map(algorithms.map((algorithm, i) => [algorithm, digestOf(algorithm, hex[i] ?? '')]));
}
