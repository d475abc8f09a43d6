import { afterEach } from 'vitest';

/** Has this done after each test that fails: what it has left would make others fail that are not at fault. */
export function afterFailure(clear: () => Promise<void>): void {
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await clear();
  });
}
