import { defineConfig } from 'vitest/config';

// Started by run.ts, which provides the settings. One worker for all files: the registry is to be checked, not loaded.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    cache: false,
    include: ['categories/*.test.ts'],
    pool: 'threads',
    isolate: false,
    fileParallelism: false,
    testTimeout: 40_000,
    hookTimeout: 40_000,
  },
});
