import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makeFifo } from '../../src/linux/index.js';
import { ManyFiles } from '../../src/storage/filesystem/many-files.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Longer than it takes to know whether a thread is full. */
const LONG_MS = 150;

function workers(): number {
  const isWorker = (task: string) =>
    readFileSync(`/proc/self/task/${task}/comm`, 'utf8') === 'WorkerThread\n';
  return readdirSync('/proc/self/task').filter(isWorker).length;
}

describe('ManyFiles', () => {
  it('has another thread for what would wait for one that waits for the disk', async () => {
    await using folder = await temporaryFolder();
    const fifo = join(folder.path, 'fifo');
    makeFifo(fifo, 0o600);
    mkdirSync(join(folder.path, 'd/name'), { recursive: true });
    const files = new ManyFiles(0);
    await files.list([folder.path]); // its thread runs
    const slow = files.gather([fifo], { readUpTo: 1 }, () => {});
    await sleep(LONG_MS);
    expect(await files.list([join(folder.path, 'd')])).toEqual([['name']]);
    writeFileSync(fifo, '');
    await slow;
  });

  it('has one thread for work that it does as fast as it is given', async () => {
    await using folder = await temporaryFolder();
    const before = workers();
    const files = new ManyFiles(0);
    await files.list([folder.path]);
    const until = performance.now() + 4 * LONG_MS;
    let last = files.list([folder.path]);
    while (performance.now() < until) {
      const next = files.list([folder.path]); // it is never without a call
      await last;
      last = next;
      const busyUntil = performance.now() + 10;
      while (performance.now() < busyUntil); // the thread that asks has more to do
    }
    await last;
    expect(workers() - before).toBe(1);
  });
});
