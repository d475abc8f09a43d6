import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('../', import.meta.url));

/** What starts servers, clients and containers has a process of its own. */
const ofItsOwn = {
  pool: 'forks' as const,
  globalSetup: ['test/support/shared-services.ts'],
  testTimeout: 300_000,
  hookTimeout: 300_000,
};

// Unit tests share their workers. Clients, builds, containers and servers wait for others much of the time, so that two files run at once;
// what kills servers, fills disks or counts time runs alone.
export default defineConfig({
  root,
  test: {
    projects: [
      {
        root,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/{builds,clients,containers,faults,server}/**'],
          setupFiles: ['test/support/property-seed.ts'],
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        root,
        test: {
          ...ofItsOwn,
          name: 'integration',
          include: ['test/{builds,clients,containers,server}/**/*.test.ts'],
          maxWorkers: 2,
        },
      },
      {
        root,
        test: {
          ...ofItsOwn,
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          fileParallelism: false,
        },
      },
    ],
  },
});
