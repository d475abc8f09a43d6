import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockServer } from '../locks/index.js';
import type { Logger } from '../registry/logger.js';
import { Handoffs } from './handoffs.js';
import { WORKER_VARIABLE } from './worker.js';
import type { FromWorker, Question, ToWorker } from './worker-messages.js';

/** A worker that ends sooner than this is not started again at once. */
const SHORT_LIFE_MS = 5000;
const PAUSE_MS = 1000;
/** A worker that does not answer is busy, or ending. */
const ANSWER_MS = 5000;

/** A worker ended before it served: so would every other one. `code` is its exit code. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError';
  readonly code: number;

  constructor(code: number) {
    super(`a worker ended with ${code} at its start`);
    this.code = code;
  }
}

/** The processes that serve; one that ends by itself is replaced. */
export class Workers {
  readonly #log: Logger;
  readonly #locks = new LockServer();
  readonly #alive = new Set<WorkerProcess>();
  #stopping = false;
  /** Resolves when the last one is gone. */
  readonly #gone = Promise.withResolvers<void>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * The first alone, since it makes what is missing: an index, keys, passwords.
   * @returns where they listen. @throws {WorkerStartError}
   */
  async start(count: number): Promise<string> {
    const address = await this.#startOne();
    await Promise.all(Array.from({ length: count - 1 }, () => this.#insist(0)));
    return address;
  }

  /** What each of them answers; without those that do not. */
  async ask(question: Question): Promise<unknown[]> {
    const answers = await Promise.all([...this.#alive].map((worker) => worker.ask(question)));
    return answers.filter((answer) => answer !== undefined);
  }

  /** Sends it to each. */
  signal(signal: NodeJS.Signals): void {
    for (const worker of this.#alive) worker.kill(signal);
  }

  /** Has each finish what is under way; resolves when all are gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#alive.size === 0) return;
    this.signal('SIGTERM');
    await this.#gone.promise;
  }

  async #startOne(): Promise<string> {
    const worker = new WorkerProcess(this.#locks);
    this.#alive.add(worker);
    void worker.exited.then((code) => this.#ended(worker, code));
    return worker.listening;
  }

  #ended(worker: WorkerProcess, code: number): void {
    this.#alive.delete(worker);
    if (this.#alive.size === 0) this.#gone.resolve();
    if (this.#stopping || !worker.hasServed) return;
    const { pid, aliveMs } = worker;
    this.#log.error({ pid, code }, 'a worker ended by itself');
    void this.#insist(aliveMs < SHORT_LIFE_MS ? PAUSE_MS : 0).then((started) => {
      if (started) this.#log.warn({}, 'another worker has taken its place');
    });
  }

  /** @param pause before it, in milliseconds. @returns whether one was started before all were to stop. */
  async #insist(pause: number): Promise<boolean> {
    for (let wait = pause; ; wait = PAUSE_MS) {
      await sleep(wait, undefined, { ref: false });
      if (this.#stopping) return false;
      try {
        await this.#startOne();
        return true;
      } catch (error) {
        this.#log.error({ error }, 'a worker could not be started, and is tried again');
      }
    }
  }
}

class WorkerProcess {
  readonly #worker: Worker;
  readonly #startedAt = performance.now();
  readonly #answers = new Map<number, (answer: unknown) => void>();
  #nextId = 0;
  /** Where it listens. @throws {WorkerStartError} it ended instead. */
  readonly listening: Promise<string>;
  /** Its exit code; that of a signal is 128 and more. */
  readonly exited: Promise<number>;
  #hasServed = false;

  constructor(locks: LockServer) {
    this.#worker = cluster.fork({ [WORKER_VARIABLE]: '1' });
    this.#worker.on('error', () => {}); // whatever could not be sent: its exit tells
    const handoffs = new Handoffs(this.#worker.process);
    const client = locks.connect((reply) => this.#send(reply));
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.listening = promise;
    this.#worker.on('message', (message: FromWorker) => {
      if ('locks' in message) for (const request of message.locks) client.take(request);
      else if ('answer' in message) this.#answers.get(message.id)?.(message.answer);
      else {
        this.#hasServed = true;
        resolve(message.listening);
      }
    });
    this.exited = new Promise((ended) => {
      this.#worker.once('exit', (code: number | null) => {
        client.close();
        handoffs.close();
        for (const answer of this.#answers.values()) answer(undefined);
        const number = code ?? 128;
        reject(new WorkerStartError(number));
        ended(number);
      });
    });
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  get hasServed(): boolean {
    return this.#hasServed;
  }

  get aliveMs(): number {
    return performance.now() - this.#startedAt;
  }

  kill(signal: NodeJS.Signals): void {
    this.#worker.process.kill(signal);
  }

  /** @returns `undefined` when it does not answer. */
  async ask(question: Question): Promise<unknown> {
    this.#nextId += 1;
    const id = this.#nextId;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#answers.set(id, resolve);
    this.#send({ ask: question, id });
    const late = sleep(ANSWER_MS, undefined, { ref: false });
    return Promise.race([promise, late]).finally(() => this.#answers.delete(id));
  }

  #send(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.send(message, () => {}); // if it is gone, its exit tells
  }
}
