import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/registry/gc/pace.js';
import { turnsUntil } from './event-loop.js';

const BATCH_MS = 10;
/** A machine that has nothing to spare. */
const BUSY = () => 0;

/** Time that goes on only where something takes it, and what was slept of it. */
class TestClock {
  time = 0;
  readonly sleeps: number[] = [];
  readonly now = () => this.time;
  readonly sleep = async (milliseconds: number) => {
    this.time += milliseconds;
    this.sleeps.push(milliseconds);
  };

  /** A batch that takes so long, and says when it began. */
  batch(milliseconds = BATCH_MS): () => Promise<number> {
    return async () => {
      const begun = this.time;
      await Promise.resolve();
      this.time += milliseconds;
      return begun;
    };
  }
}

describe('Pace', () => {
  it('does one batch at a time while requests are under way, with a rest of three times as long behind each', async () => {
    const clock = new TestClock();
    const pace = new Pace(() => 1, { clock, idleShare: BUSY });
    const begun = await Promise.all([1, 2, 3].map(() => pace.run(clock.batch())));
    expect(begun).toEqual([0, 4 * BATCH_MS, 8 * BATCH_MS]);
  });

  it('rests no longer than a moment after a batch that had to wait itself', async () => {
    const clock = new TestClock();
    const pace = new Pace(() => 1, { clock, idleShare: BUSY });
    await pace.run(clock.batch(10_000));
    await pace.run(clock.batch());
    expect(clock.sleeps[0]).toBe(50);
  });

  it('rests the less the more the machine has to spare, and longer again when it has nothing', async () => {
    const clock = new TestClock();
    let idle = 0.5;
    const pace = new Pace(() => 1, { clock, idleShare: () => idle });
    const restsOf = async (batches: number) => {
      const before = clock.sleeps.length;
      for (let i = 0; i < batches; i += 1) await pace.run(clock.batch(100));
      await setImmediate();
      return clock.sleeps.slice(before);
    };
    await restsOf(10);
    expect(await restsOf(10)).toEqual([]);
    idle = 0.1; // neither much nor nothing
    expect(await restsOf(10)).toEqual([]);
    idle = 0;
    await restsOf(10);
    expect(await restsOf(3)).toEqual([50, 50, 50]);
  });

  it('takes no rest any more once it has seen that most of the machine has nothing to do', async () => {
    const restsWith = async (idle: number) => {
      const clock = new TestClock();
      const pace = new Pace(() => 1, { clock, idleShare: () => idle });
      for (let i = 0; i < 3; i += 1) await pace.run(clock.batch(200));
      await setImmediate(); // the last rest is taken
      return clock.sleeps;
    };
    expect(await restsWith(0.5)).toEqual([]);
    expect(await restsWith(0.3)).toHaveLength(3); // half as long each time
  });

  it('does two at a time where the machine has much to spare without any rest, and one again where it has not', async () => {
    const clock = new TestClock();
    let idle = 0.5;
    const pace = new Pace(() => 1, { clock, idleShare: () => idle });
    let underWay = 0;
    const batch = async () => {
      underWay += 1;
      const together = underWay;
      await setImmediate();
      clock.time += 100;
      underWay -= 1;
      return together;
    };
    const mostAtOnce = async (share: number) => {
      idle = share;
      for (let i = 0; i < 10; i += 1) await pace.run(batch);
      await setImmediate(); // its rest is taken
      return Math.max(...(await Promise.all(Array.from({ length: 8 }, () => pace.run(batch)))));
    };
    expect(await mostAtOnce(0.5)).toBe(2);
    expect(await mostAtOnce(0.2)).toBe(1); // enough to need no rest
    expect(await mostAtOnce(0.5)).toBe(2);
    expect(await mostAtOnce(0)).toBe(1);
  });

  it('does much at a time where nobody waits for an answer, and little where somebody does', () => {
    let requests = 0;
    const pace = new Pace(() => requests, { clock: new TestClock(), idleShare: BUSY });
    const many = pace.batch;
    requests = 1;
    expect(pace.batch).toBeLessThan(many);
  });

  it('takes rests after short batches together', async () => {
    const clock = new TestClock();
    const pace = new Pace(() => 1, { clock, idleShare: BUSY });
    for (let i = 0; i < 200; i += 1) await pace.run(clock.batch(0.1));
    expect(clock.sleeps.length).toBeLessThan(7);
  });

  it('does them side by side where nobody waits for an answer', async () => {
    const clock = new TestClock();
    const pace = new Pace(() => 0, { clock, idleShare: BUSY });
    let underWay = 0;
    const batch = async () => {
      underWay += 1;
      while (underWay < 3) await setImmediate(); // for the others
    };
    await Promise.all([1, 2, 3].map(() => pace.run(batch)));
    expect(clock.sleeps).toEqual([]);
  });

  it('takes a moment without requests for a pause of one client, and half a second for the end', async () => {
    const clock = new TestClock();
    let requests = 1;
    const pace = new Pace(() => requests, { clock, idleShare: BUSY });
    await pace.run(clock.batch());
    requests = 0;
    expect(await pace.run(clock.batch())).toBe(4 * BATCH_MS);
    await setImmediate(); // its rest is taken
    clock.time += 600;
    const before = clock.sleeps.length;
    await pace.run(clock.batch());
    await pace.run(clock.batch());
    expect(clock.sleeps).toHaveLength(before);
  });

  it.each([0, 1])(
    'lets others have a turn before each batch, with %i requests under way',
    async (requests) => {
      const pace = new Pace(() => requests, { clock: new TestClock(), idleShare: () => 0.5 });
      let isOver = false;
      const turns = turnsUntil(() => isOver);
      for (let i = 0; i < 100; i += 1) await pace.run(async () => i);
      isOver = true;
      expect(await turns).toBeGreaterThan(90);
    },
  );

  it('goes on after a batch that failed', async () => {
    const pace = new Pace(() => 1, { clock: new TestClock(), idleShare: BUSY });
    await expect(pace.run(() => Promise.reject(new Error('the disk fails')))).rejects.toThrow(
      'the disk fails',
    );
    expect(await pace.run(async () => 'done')).toBe('done');
  });
});
