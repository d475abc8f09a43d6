import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockMode } from '../../locks/index.js';
import { LockSession, type Statement } from './lock-session.js';
import type { PostgresOptions } from './options.js';

/** A lock of this server. `lost` is aborted when it is gone with the connection: others may have it from then on. */
export type AdvisoryLock = Readonly<{ lost: AbortSignal; release: () => void }>;

/** Between two looks at a lock that others have. */
const LOOK_MS = { first: 5, longest: 100 };

/**
 * Two numbers stand for each key: the gate, `$1`, and the lock behind it, `$2`. Who wants the lock alone waits for it in the
 * closed gate, through which all others must go: so it is never kept from those who share it by ever new ones. Nothing waits
 * within the database, where it would need a connection of its own.
 */
const TAKE: Readonly<Record<LockMode, Statement>> = {
  together: {
    name: 'share',
    text: `SELECT CASE WHEN pg_try_advisory_lock_shared($1) THEN
      CASE WHEN pg_try_advisory_lock_shared($2) THEN pg_advisory_unlock_shared($1)
        ELSE NOT pg_advisory_unlock_shared($1) END
      ELSE false END AS held`,
  },
  // NULL while the gate is held and the lock is not.
  alone: {
    name: 'exclude',
    text: `SELECT CASE WHEN pg_try_advisory_lock($1) THEN
      CASE WHEN pg_try_advisory_lock($2) THEN pg_advisory_unlock($1) END
      ELSE false END AS held`,
  },
};
const EXCLUDE_IN_GATE: Statement = {
  name: 'exclude-in-gate',
  text: 'SELECT CASE WHEN pg_try_advisory_lock($2) THEN pg_advisory_unlock($1) END AS held',
};
const RELEASE: Readonly<Record<LockMode, Statement>> = {
  together: { name: 'release-shared', text: 'SELECT pg_advisory_unlock_shared($1) AS held' },
  alone: { name: 'release', text: 'SELECT pg_advisory_unlock($1) AS held' },
};

/**
 * Locks between servers, in the database that has their index: they end with the connection, however that ends. Within this
 * process they keep nobody apart, as all are of one session.
 */
export class AdvisoryLocks {
  readonly #options: PostgresOptions;
  #session: Promise<LockSession> | undefined;

  constructor(options: PostgresOptions) {
    this.#options = options;
  }

  /** Waits while others have it. @throws {IndexUnavailableError} @throws the reason of `signal`. */
  async acquire(key: string, mode: LockMode, signal?: AbortSignal): Promise<AdvisoryLock> {
    const session = await this.#connect();
    const { gate, lock } = this.#numbersOf(key);
    let inGate = false;
    const attempt = async () => {
      const answer = await session.ask(inGate ? EXCLUDE_IN_GATE : TAKE[mode], gate, lock);
      inGate ||= answer === null;
      return answer;
    };
    try {
      await repeatedly(attempt, signal);
    } catch (error) {
      if (inGate) session.tell(RELEASE.alone, gate);
      throw error;
    }
    return held(session, RELEASE[mode], lock);
  }

  /** @returns `undefined` when others have it. @throws {IndexUnavailableError} */
  async tryAcquire(key: string, mode: LockMode): Promise<AdvisoryLock | undefined> {
    const session = await this.#connect();
    const { gate, lock } = this.#numbersOf(key);
    const answer = await session.ask(TAKE[mode], gate, lock);
    if (answer === true) return held(session, RELEASE[mode], lock);
    if (answer === null) session.tell(RELEASE.alone, gate);
    return undefined;
  }

  async close(): Promise<void> {
    await (await this.#session?.catch(() => undefined))?.close();
  }

  #connect(): Promise<LockSession> {
    this.#session ??= LockSession.open(this.#options).then(
      (session) => {
        session.lost.addEventListener('abort', () => {
          this.#session = undefined; // the next one to ask begins anew
        });
        return session;
      },
      (error) => {
        this.#session = undefined;
        throw error;
      },
    );
    return this.#session;
  }

  #numbersOf(key: string): Readonly<{ gate: string; lock: string }> {
    const hash = createHash('sha256').update(`${this.#options.schema}\0${key}`).digest();
    return { gate: String(hash.readBigInt64BE(0)), lock: String(hash.readBigInt64BE(8)) };
  }
}

function held(session: LockSession, release: Statement, lock: string): AdvisoryLock {
  session.hold();
  return {
    lost: session.lost,
    release: () => {
      session.letGo();
      session.tell(release, lock);
    },
  };
}

/** @throws the reason of `signal`. */
async function repeatedly(attempt: () => Promise<boolean | null>, signal?: AbortSignal): Promise<void> {
  for (let wait = LOOK_MS.first; !(await attempt()); wait = Math.min(wait * 2, LOOK_MS.longest)) {
    await sleep(wait * (0.5 + Math.random() / 2));
    signal?.throwIfAborted();
  }
}
