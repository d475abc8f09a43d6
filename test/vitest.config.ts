import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './longest-first.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** What starts servers, clients and containers has a process of its own. */
const ofItsOwn = {
  pool: 'forks' as const,
  globalSetup: ['test/support/shared-services.ts'],
  testTimeout: 300_000,
  hookTimeout: 300_000,
  expect: { poll: { timeout: 30_000 } }, // programs take their time on a busy machine
};

/** They wait for each other, and for disks, much of the time: more than there are cores. */
const AT_ONCE = 3;

/** They count time and memory, or wait for what others notice in time: nothing runs beside them. */
const ALONE = 'test/faults/{replicas,slow-clients,stop,vanishing-clients}.test.ts';

// Unit tests share their workers. Files of `integration` and `faults` take turns; `alone` comes after them.
export default defineConfig({
  root,
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        root,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{builds,clients,containers,faults,server}/**'],
          setupFiles: ['test/support/property-seed.ts'],
          isolate: false,
          maxWorkers: '100%',
          // Of the clock: with two runs on the machine, a second of work has taken fifteen.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 10_000 } },
        },
      },
      {
        root,
        test: {
          ...ofItsOwn,
          name: 'integration',
          include: ['test/{builds,clients,containers,server}/**/*.test.ts'],
          maxWorkers: AT_ONCE,
        },
      },
      {
        root,
        test: {
          ...ofItsOwn,
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          exclude: [ALONE],
          maxWorkers: AT_ONCE,
        },
      },
      {
        root,
        test: {
          ...ofItsOwn,
          name: 'alone',
          include: [ALONE],
          fileParallelism: false,
        },
      },
    ],
  },
});
