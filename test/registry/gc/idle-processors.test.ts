import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { IdleProcessors } from '../../../src/registry/gc/idle-processors.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice */
const BEFORE = [100, 10, 50, 1000, 20, 1, 2, 3, 40, 0];

describe('IdleProcessors', () => {
  /** What is said of processors to which so much time of each kind came since. */
  async function shareAfter(spent: readonly number[]): Promise<number | undefined> {
    await using folder = await temporaryFolder();
    const stat = join(folder.path, 'stat');
    const write = (times: readonly number[]) =>
      writeFileSync(stat, `cpu  ${times.join(' ')}\ncpu0 1 2 3\nintr 5\n`);
    write(BEFORE);
    const processors = new IdleProcessors(stat);
    write(BEFORE.map((time, kind) => time + (spent[kind] ?? 0)));
    return processors.share();
  }

  it('says what share of the time since it was asked before they had nothing to do', async () => {
    expect(await shareAfter([30, 0, 20, 50])).toBe(0.5);
    expect(await shareAfter([0, 0, 0, 100])).toBe(1);
    expect(await shareAfter([10, 20, 30, 0, 0, 10, 20, 10])).toBe(0);
  });

  it('takes a wait for a disk for no time to spare', async () => {
    expect(await shareAfter([0, 0, 0, 25, 75])).toBe(0.25);
  });

  it('counts the time of guests once: that of users has it', async () => {
    expect(await shareAfter([50, 0, 0, 50, 0, 0, 0, 0, 50])).toBe(0.5);
  });

  it('knows nothing where no time has passed, or nobody counts', async () => {
    expect(await shareAfter([])).toBeUndefined();
    expect(new IdleProcessors('/nowhere/stat').share()).toBeUndefined();
  });

  it('reads what this machine counts', async () => {
    const processors = new IdleProcessors();
    await sleep(100); // ten of its units
    const share = processors.share();
    expect(share).toBeGreaterThanOrEqual(0);
    expect(share).toBeLessThanOrEqual(1);
  });
});
