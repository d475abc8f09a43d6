import { describe, expect, it } from 'vitest';
import { ContainerPlace } from '../containers/container-place.js';
import { seedOfRun } from '../support/seed.js';
import { ContainerCrowd } from './container-crowd.js';
import { Random } from './random.js';

const KILLS = Number(process.env.BERTH_CONTAINER_KILLS ?? 12);
const AT_ONCE = 5;

describe('containers of which parts are killed again and again', () => {
  it(`are told as they are over ${KILLS} kills, and leave nothing`, {
    timeout: 300_000 + KILLS * 6000,
  }, async () => {
    const seed = seedOfRun();
    console.log(`BERTH_FAULT_SEED=${seed} BERTH_CONTAINER_KILLS=${KILLS}`);
    await using place = await ContainerPlace.create();
    await place.run(['network', 'create', 'app']);
    await place.run(['network', 'create', 'other']);
    await place.run(['volume', 'create', 'data']);
    const crowd = new ContainerCrowd(place, new Random(seed));
    while (crowd.kills < KILLS) {
      await crowd.round(AT_ONCE);
      expect(await crowd.complaints(), `seed ${seed}, after ${crowd.kills} kills`).toEqual([]);
    }
    for (const id of crowd.runningIds) await place.run(['exec', id, 'true']);
    expect(await crowd.end()).toEqual([]);
    await place.run(['network', 'rm', 'app', 'other']);
    await place.run(['volume', 'rm', 'data']);
    console.log(`killed: ${[...crowd.tally].map(([what, times]) => `${what} ${times}`).join(', ')}`);
  });
});
