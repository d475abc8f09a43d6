import { setTimeout as sleep } from 'node:timers/promises';
import { Gate } from './gate.js';
import { Ledger } from './ledger.js';
import { digestOf } from './names.js';
import { Pusher } from './pusher.js';
import { Random } from './random.js';
import { Tally } from './requests.js';
import { verify } from './verify.js';

const SHARED_BLOBS = 8;
/** A server that answers nothing is found out by what is checked, not by waiting. */
const PATIENCE_MS = 10_000;

export type CrowdParts = Readonly<{
  url: string;
  seed: number;
  /** Chooses the bytes of what is shared. */
  random: Random;
  /** One pusher for each; a name may stand there several times. */
  repositories: readonly string[];
  /** The one that has several pushers, and whose blobs the others may mount. */
  shared: string;
}>;

/** Pushers beside each other while the gate is open, and what all of them were promised together. */
export class Crowd {
  readonly gate = new Gate();
  readonly ledger = new Ledger();
  readonly tally = new Tally();
  readonly #url: string;
  readonly #pushers: readonly Pusher[];
  #working: Promise<unknown> = Promise.resolve();

  constructor({ url, seed, random, repositories, shared }: CrowdParts) {
    const blobs = Array.from({ length: SHARED_BLOBS }, () => {
      const bytes = random.bytes(random.size());
      return { digest: digestOf(bytes), bytes };
    });
    const { gate, ledger, tally } = this;
    const parts = { url, gate, ledger, tally, source: { repository: shared, blobs } };
    this.#url = url;
    this.#pushers = repositories.map(
      (repository, i) => new Pusher({ ...parts, repository, random: new Random(seed + i + 1) }),
    );
  }

  /** They wait at the gate. */
  start(): void {
    this.#working = Promise.all(this.#pushers.map((pusher) => pusher.run()));
  }

  /**
   * Lets them work until so many answers have come, however long the machine takes for it, and a moment longer.
   * The gate is open then, and requests are under way.
   */
  async work(answers: number, momentMs: number): Promise<void> {
    const goal = this.tally.answers + answers;
    const giveUp = performance.now() + PATIENCE_MS;
    this.gate.open();
    while (this.tally.answers < goal && performance.now() < giveUp) await sleep(1);
    await sleep(momentMs);
  }

  /** Resolves once all of them have gone. */
  async end(): Promise<void> {
    this.gate.closeForGood();
    await this.#working;
  }

  /**
   * While none of them has a request under way. @returns what is not as it was promised; nothing when all is well.
   * @param options `thorough`: all that there is, and its bytes, rather than what changed since the last time; `url`: asks
   *   another server of the registry.
   */
  async complaints({ thorough, url = this.#url }: { thorough: boolean; url?: string }): Promise<string[]> {
    this.ledger.settle();
    const names = thorough ? this.ledger.names() : this.ledger.takeTouched();
    const onUnavailable = () => {
      this.tally.unavailable += 1;
    };
    const found = await verify({ url, ledger: this.ledger, names, thorough, lists: true, onUnavailable });
    return [...this.tally.violations, ...found];
  }
}
