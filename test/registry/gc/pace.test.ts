import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/registry/gc/pace.js';

const BATCH_MS = 20;

describe('Pace', () => {
  it('does one batch at a time while requests are under way, and rests longer than that took', async () => {
    const times = await timesOf(new Pace(() => 1), 3);
    const rests = times.slice(1).map(({ begun }, i) => begun - (times[i]?.ended ?? 0));
    for (const rest of rests) expect(rest).toBeGreaterThanOrEqual(0);
    expect(rests.reduce((sum, rest) => sum + rest)).toBeGreaterThan(4 * BATCH_MS);
  });

  it('takes rests after short batches together', async () => {
    const pace = new Pace(() => 1);
    const begun = performance.now();
    for (let i = 0; i < 200; i += 1) await pace.run(async () => {});
    expect(performance.now() - begun).toBeLessThan(200);
  });

  it('does them side by side where nobody waits for an answer', async () => {
    const times = await timesOf(new Pace(() => 0), 3);
    const firstEnd = Math.min(...times.map(({ ended }) => ended));
    for (const { begun } of times) expect(begun).toBeLessThanOrEqual(firstEnd);
  });

  it('takes a moment without requests for a pause of one client, and half a second for the end', async () => {
    let requests = 1;
    const pace = new Pace(() => requests);
    const first = pace.run(() => sleep(BATCH_MS).then(() => performance.now()));
    requests = 0;
    const begun = await pace.run(async () => performance.now());
    expect(begun - (await first)).toBeGreaterThan(2 * BATCH_MS);
    await sleep(600);
    const order: string[] = [];
    const batch = pace.run(async () => order.push('batch'));
    order.push('then');
    await batch;
    expect(order).toEqual(['batch', 'then']);
  });

  it('goes on after a batch that failed', async () => {
    const pace = new Pace(() => 1);
    await expect(pace.run(() => Promise.reject(new Error('the disk fails')))).rejects.toThrow(
      'the disk fails',
    );
    expect(await pace.run(async () => 'done')).toBe('done');
  });
});

/** When each of some batches began and ended that all wanted to begin at once. */
function timesOf(pace: Pace, count: number) {
  const batch = async () => {
    const begun = performance.now();
    await sleep(BATCH_MS);
    return { begun, ended: performance.now() };
  };
  return Promise.all(Array.from({ length: count }, () => pace.run(batch)));
}
