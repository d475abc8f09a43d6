import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/registry/gc/pace.js';

describe('Pace', () => {
  it('puts pauses between batches while requests are under way', async () => {
    const pace = new Pace(() => 1);
    const started = performance.now();
    await Promise.all([pace.turn(), pace.turn(), pace.turn(), pace.turn()]);
    expect(performance.now() - started).toBeGreaterThan(55);
  });

  it('goes on at once where nobody waits for an answer', async () => {
    let requests = 1;
    const pace = new Pace(() => requests);
    await pace.turn();
    await pace.turn();
    requests = 0;
    const turns: string[] = [];
    await Promise.all([pace.turn().then(() => turns.push('batch')), soon().then(() => turns.push('timer'))]);
    expect(turns).toEqual(['batch', 'timer']);
  });
});

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
