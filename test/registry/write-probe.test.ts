import { describe, expect, it } from 'vitest';
import { removeProbes, writeProbe } from '../../src/registry/write-probe.js';
import { MemoryDriver } from '../../src/storage/index.js';

describe('a probe of a store', () => {
  it('is left by a process that was killed, and removed once it is old', async () => {
    let now = new Date(2026, 0, 1);
    const driver = new MemoryDriver(() => now);
    driver.delete = async () => {};
    await writeProbe(driver)();
    const probes = () => Array.fromAsync(driver.list('/berth/health'));
    expect(await probes()).toHaveLength(1);
    await removeProbes(driver, now);
    expect(await probes()).toHaveLength(1);
    now = new Date(2026, 0, 2);
    await removeProbes(driver, now);
    expect(await probes()).toEqual([]);
  });
});
