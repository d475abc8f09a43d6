import { Agent } from 'node:http';
import { type Answer, CutError, exchange, type Question } from './exchange.js';
import type { Gate } from './gate.js';
import type { Attempt, Change, Ledger } from './ledger.js';

/** Neither done nor undone for certain; 502 and 504 are a balancer's word for a server that went away. */
const NO_ANSWER: readonly number[] = [502, 503, 504];

/** What all pushers count together. */
export class Tally {
  blobs = 0;
  mounts = 0;
  manifests = 0;
  tagDeletes = 0;
  manifestDeletes = 0;
  blobDeletes = 0;
  /** Of any kind, refusals too. */
  answers = 0;
  cut = 0;
  resumed = 0;
  vanished = 0;
  /** Requests refused because the index had just been found to be damaged. */
  unavailable = 0;
  readonly violations: string[] = [];
}

export type RequestsParts = Readonly<{ url: string; gate: Gate; ledger: Ledger; tally: Tally }>;

/** The requests of one client: sent while the gate is open, and written down in the ledger. */
export class Requests implements Disposable {
  readonly tally: Tally;
  readonly #parts: RequestsParts;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });

  constructor(parts: RequestsParts) {
    this.#parts = parts;
    this.tally = parts.tally;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /**
   * A request whose promise counts. @returns `undefined` for an answer that is neither.
   * @param done with these statuses the changes are made.
   * @param undone with these nothing changed, which is fine too.
   */
  async change(
    changes: readonly Change[],
    method: string,
    path: string,
    question: Question,
    done: readonly number[],
    undone: readonly number[] = [],
  ): Promise<Answer | undefined> {
    let attempt: Attempt | undefined;
    const answer = await this.send(method, path, question, () => {
      attempt = this.#parts.ledger.begin(changes);
    });
    if (done.includes(answer.status)) attempt?.acknowledge();
    else if (!NO_ANSWER.includes(answer.status)) attempt?.withdraw();
    return this.expect(answer, [...done, ...undone], `${method} ${path}`) ? answer : undefined;
  }

  send(method: string, path: string, question: Question = {}, onStart?: () => void): Promise<Answer> {
    const { gate, url } = this.#parts;
    return gate.pass(async () => {
      onStart?.();
      const answer = await exchange(url, method, path, { ...question, agent: this.#agent });
      this.tally.answers += 1;
      return answer;
    });
  }

  expect({ status, body }: Answer, statuses: readonly number[], what: string): boolean {
    if (statuses.includes(status)) return true;
    if (NO_ANSWER.includes(status)) {
      this.#parts.tally.unavailable += 1;
      throw new CutError(what); // neither done nor undone for certain: as good as no answer
    }
    this.violation(`${what}: ${status} ${body.toString().slice(0, 500)}`);
    return false;
  }

  violation(text: string): void {
    this.#parts.tally.violations.push(text);
  }
}
