import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { LockMode, Locks } from '../../src/locks/index.js';

/** Enough for a lock that is asked for over a connection. */
const WHILE_MS = 50;

/** What all locks promise. @param open of two processes that share them; both are closed by their scope. */
export function describeLocks(
  name: string,
  open: () => Promise<{ one: Locks; other: Locks } & AsyncDisposable>,
): void {
  describe(`${name} as locks`, () => {
    it('are together, or alone', async () => {
      await using opened = await open();
      const { one, other } = opened;
      using _first = await one.acquire('x', 'together');
      using _second = await other.acquire('x', 'together');
      using _third = await one.acquire('x', 'together');
      for (const locks of [one, other]) expect(await locks.tryAcquire('x', 'alone')).toBeUndefined();
      using _apart = await other.acquire('y', 'alone');
      for (const mode of ['alone', 'together'] as const)
        for (const locks of [one, other]) expect(await locks.tryAcquire('y', mode)).toBeUndefined();
    });

    it('are free again when they are given back', async () => {
      await using opened = await open();
      const { one, other } = opened;
      for (const locks of [one, other, one]) {
        using held = await locks.acquire('x', 'alone');
        expect(held.lost.aborted).toBe(false);
      }
      (await one.acquire('x', 'together'))[Symbol.dispose]();
      expect(await eventually(() => other.tryAcquire('x', 'alone'))).toBeDefined();
    });

    it('are waited for in turn: those who come together do not keep one away who wants to be alone', async () => {
      await using opened = await open();
      const { one, other } = opened;
      const order: string[] = [];
      const first = await one.acquire('x', 'together');
      const take = async (locks: Locks, mode: LockMode) => {
        using _held = await locks.acquire('x', mode);
        order.push(mode);
        await sleep(WHILE_MS);
      };
      const alone = take(other, 'alone');
      await untilKept(one, 'x');
      const later = [take(one, 'together'), take(other, 'together')];
      await sleep(WHILE_MS);
      expect(order).toEqual([]);
      first[Symbol.dispose]();
      await Promise.all([alone, ...later]);
      expect(order).toEqual(['alone', 'together', 'together']);
    });

    it('need not be waited for to the end', async () => {
      await using opened = await open();
      const { one, other } = opened;
      const first = await one.acquire('x', 'together');
      const given = new AbortController();
      const alone = other.acquire('x', 'alone', given.signal);
      const behind = one.acquire('x', 'together');
      await sleep(WHILE_MS);
      given.abort(new Error('no more'));
      await expect(alone).rejects.toThrow('no more');
      (await behind)[Symbol.dispose]();
      first[Symbol.dispose]();
      expect(await eventually(() => other.tryAcquire('x', 'alone'))).toBeDefined();
    });

    it('are taken several as one, each once those before it are held', async () => {
      await using opened = await open();
      const { one, other } = opened;
      const first = await one.acquire('y', 'alone');
      const all = other.acquireAll([
        { key: 'x', mode: 'alone' },
        { key: 'y', mode: 'together' },
        { key: 'z', mode: 'together' },
      ]);
      await untilKept(one, 'x');
      (await one.acquire('z', 'alone'))[Symbol.dispose]();
      first[Symbol.dispose]();
      const held = await all;
      for (const key of ['x', 'y', 'z']) expect(await one.tryAcquire(key, 'alone')).toBeUndefined();
      expect(held.lost.aborted).toBe(false);
      held[Symbol.dispose]();
      for (const key of ['x', 'y', 'z'])
        expect(await eventually(() => one.tryAcquire(key, 'alone'))).toBeDefined();
    });

    it('let no two be alone at once', async () => {
      await using opened = await open();
      let inside = 0;
      const visit = async (locks: Locks) => {
        using _held = await locks.acquire('x', 'alone');
        inside += 1;
        expect(inside).toBe(1);
        await sleep(1);
        inside -= 1;
      };
      await Promise.all(Array.from({ length: 20 }, (_, i) => visit(i % 2 ? opened.one : opened.other)));
    });
  });
}

/** Until somebody has it alone, or waits for that: what was asked for may be on its way. */
async function untilKept(locks: Locks, key: string): Promise<void> {
  for (;;) {
    const held = await locks.tryAcquire(key, 'together');
    if (held === undefined) return;
    held[Symbol.dispose]();
    await sleep(5);
  }
}

/** What is given back may be on its way. */
async function eventually<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(5);
  }
  return undefined;
}
