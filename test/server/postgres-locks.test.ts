import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IndexUnavailableError, openPostgres } from '../../src/index/index.js';
import type { HeldLock } from '../../src/locks/index.js';
import { describeLocks } from '../locks/contract.js';
import { PostgresServer } from '../support/postgres-server.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

describeLocks('PostgreSQL', async () => {
  const [one, other] = [await openLocks(), await openLocks()];
  for (const locks of [one, other]) (await locks.acquire('to connect', 'together'))[Symbol.dispose]();
  return {
    one,
    other,
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    },
  };
});

describe('PostgresLocks', () => {
  it('keeps nobody waiting who wants to be alone while others come and go together', async () => {
    await using one = await openLocks();
    await using other = await openLocks();
    const stop = new AbortController();
    let count = 0;
    const visits = [one, one, one, other, other, other].map(async (locks) => {
      while (!stop.signal.aborted) {
        using _lock = await locks.acquire('busy', 'together');
        count += 1;
        await sleep(10);
      }
    });
    await expect.poll(() => count).toBeGreaterThan(12);
    const before = count;
    (await one.acquire('busy', 'alone'))[Symbol.dispose]();
    // However slow all of this is: those who were there or on their way, and no crowd of later ones.
    expect(count - before).toBeLessThan(50);
    stop.abort();
    await Promise.all(visits);
    // Whatever was tried in vain has left nothing behind.
    const held = () => server.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory'");
    await expect.poll(held).toEqual([]);
  });

  it('says what was lost with the connection, and goes on with another', async () => {
    await using one = await openLocks();
    await using other = await openLocks();
    const lost = [await one.acquire('a', 'alone'), await one.acquire('b', 'together')];
    const kept = await other.acquire('c', 'alone');
    await killSession(lost);
    for (const { lost: signal } of lost) expect(signal.reason).toBeInstanceOf(IndexUnavailableError);
    expect(kept.lost.aborted).toBe(false);
    const taken = await other.acquire('a', 'alone');
    for (const lock of lost) lock[Symbol.dispose]();
    expect(await one.tryAcquire('a', 'alone')).toBeUndefined(); // what was given back was no longer ours
    taken[Symbol.dispose]();
    (await one.acquire('a', 'alone'))[Symbol.dispose]();
    kept[Symbol.dispose]();
  });

  it('is unavailable while the database is', async () => {
    await using locks = await openLocks();
    const lock = await locks.acquire('a', 'alone');
    await server.stop();
    await expect.poll(() => lock.lost.aborted).toBe(true);
    await expect(locks.acquire('b', 'alone')).rejects.toThrow(IndexUnavailableError);
    lock[Symbol.dispose]();
    await server.startAgain();
    (await locks.acquire('a', 'alone'))[Symbol.dispose]();
  });
});

async function openLocks() {
  return (await openPostgres({ url: server.url(), connections: 2, schema: 'berth' })).locks;
}

/** The connection that has these locks, which are more than those of any other. */
async function killSession(locks: readonly HeldLock[]): Promise<void> {
  const [found] = await server.query(
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' GROUP BY pid ORDER BY count(*) DESC LIMIT 1",
  );
  await server.query('SELECT pg_terminate_backend($1)', [found?.pid]);
  await expect.poll(() => locks.every(({ lost }) => lost.aborted)).toBe(true);
}
