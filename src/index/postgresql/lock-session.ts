import { IndexUnavailableError } from '../errors.js';
import { Client } from './client.js';
import { explained, unreachable } from './failures.js';
import { clientConfig, type PostgresOptions } from './options.js';

/** How often the database is asked for a sign of life while locks are held, and how long it may take to give one. */
const LIFE_SIGN_MS = { every: 5000, within: 10_000 };

const LIFE_SIGN = { name: 'life-sign', text: 'SELECT true AS held' };

/** So that the locks of a machine that vanished without a word are free within half a minute, not in hours. */
const VANISHED =
  'SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3';

export type Statement = Readonly<{ name: string; text: string }>;

/** The one connection that has the locks of this server. */
export class LockSession {
  readonly #client: Client;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #held = 0;
  /** One statement is under way at a time. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(client: Client) {
    this.#client = client;
    client.on('error', () => this.end());
    client.on('end', () => this.end());
    this.#timer = setInterval(() => void this.#askForLife(), LIFE_SIGN_MS.every);
    this.#timer.unref();
  }

  /** @throws {IndexUnavailableError} */
  static async open(options: PostgresOptions): Promise<LockSession> {
    const client = new Client({ ...clientConfig(options), query_timeout: LIFE_SIGN_MS.within });
    client.on('error', () => {}); // until there is a session; the first failure is that of what was asked
    try {
      await client.connect();
      await client.query(VANISHED);
      return new LockSession(client);
    } catch (error) {
      client.destroy();
      throw unreachable(error);
    }
  }

  /** Aborted when the connection is gone, and all locks with it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Asks for `held`; in the order of the calls. @throws {IndexUnavailableError} the connection is gone. */
  async ask(statement: Statement, ...values: string[]): Promise<boolean | null> {
    const answer = this.#last.then(() => this.#client.query({ ...statement, values }));
    this.#last = answer.catch(() => {});
    try {
      const { rows } = await answer;
      return rows[0]?.held ?? null;
    } catch (error) {
      this.end(); // nobody knows what it has by now
      throw explained(error);
    }
  }

  /** What is asked later is answered later: nobody need wait for this. */
  tell(statement: Statement, ...values: string[]): void {
    if (this.lost.aborted) return; // and so it is done
    this.ask(statement, ...values).catch(() => {}); // what cannot be let go otherwise goes with the connection
  }

  /** A lock is held: from now on it matters whether the connection is alive. */
  hold(): void {
    this.#held += 1;
  }

  letGo(): void {
    this.#held -= 1;
  }

  /** Gives up the connection, and whatever it holds. */
  end(): void {
    if (this.lost.aborted) return;
    clearInterval(this.#timer);
    this.#client.destroy();
    this.#lost.abort(new IndexUnavailableError('the connection to the database that has the locks was lost'));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#client.removeAllListeners('end');
    await this.#client.end().catch(() => {});
  }

  async #askForLife(): Promise<void> {
    if (this.#held > 0) await this.ask(LIFE_SIGN).catch(() => {});
  }
}
