import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cgroupPathsOf,
  type LimitsHostConfig,
  readCgroupSupport,
  readStats,
  resourcesOf,
  statsJson,
  updateLimits,
} from '../../src/runtime/limits/index.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { busyboxRoot, RuncContainer, SURROUNDINGS } from './runc-container.js';

const MB = 1024 * 1024;
const SUPPORT = readCgroupSupport(SURROUNDINGS.cgroups);
/** A disk whose use can be limited, if this machine has one. */
const DISK = existsSync('/sys/block')
  ? readdirSync('/sys/block')
      .map((name) => `/dev/${name}`)
      .find((path) => !path.includes('loop') && existsSync(path))
  : undefined;

let folder: TemporaryFolder;
let rootfs: string;

beforeAll(async () => {
  folder = await temporaryFolder('limits');
  rootfs = await busyboxRoot(folder.path);
});
afterAll(() => folder[Symbol.asyncDispose]());

const create = (hostConfig: LimitsHostConfig, script: string) =>
  RuncContainer.create({ folder: folder.path, rootfs, script, resources: resourcesOf(hostConfig, SUPPORT) });

/** The first of a container's cgroup files that there is: the names of v1 and v2. */
function cgroupFile(pid: number, ...names: readonly (readonly [controller: string, file: string])[]): string {
  const paths = cgroupPathsOf(pid);
  const files = names.map(([controller, file]) => join(paths?.directoryOf(controller) ?? '', file));
  return readFileSync(files.find(existsSync) ?? '', 'utf8').trim();
}

// Where nobody may make cgroups, nothing is limited: resourcesOf says so, and is tested by itself.
describe.skipIf(SUPPORT.version === 'none')('limits of a container', () => {
  it('are in its cgroup, and change while it runs', async () => {
    const hostConfig: LimitsHostConfig = {
      Memory: 64 * MB,
      NanoCpus: 0.5e9,
      PidsLimit: 20,
      CpusetCpus: '0',
      ...(DISK !== undefined && { BlkioDeviceWriteBps: [{ Path: DISK, Rate: 2 * MB }] }),
    };
    await using container = await create(hostConfig, 'sleep 100');
    await container.start();
    const { pid } = container;
    const memory = () => cgroupFile(pid, ['memory', 'memory.limit_in_bytes'], ['memory', 'memory.max']);
    const pids = () => cgroupFile(pid, ['pids', 'pids.max']);
    const quota = () => cgroupFile(pid, ['cpu', 'cpu.cfs_quota_us'], ['cpu', 'cpu.max']);
    expect([memory(), pids(), quota().split(' ')[0]]).toEqual([String(64 * MB), '20', '50000']);
    expect(cgroupFile(pid, ['cpuset', 'cpuset.cpus'])).toBe('0');
    if (DISK !== undefined)
      expect(cgroupFile(pid, ['blkio', 'blkio.throttle.write_bps_device'], ['blkio', 'io.max'])).toContain(
        String(2 * MB),
      );

    const change = { Memory: 32 * MB, MemorySwap: 32 * MB, PidsLimit: -1 };
    await container.update(updateLimits(hostConfig, change, SUPPORT).resources);
    expect([memory(), pids()]).toEqual([String(32 * MB), 'max']);
  });

  it('are kept to, and what is used is seen', async () => {
    const script =
      'dd if=/dev/zero of=/dev/shm/f bs=1M count=20 2>/dev/null; i=0; while :; do i=$((i+1)); done';
    // So little that it has to wait for more also where many want the processors.
    const share = 0.05;
    const limits = { Memory: 64 * MB, NanoCpus: share * 1e9, PidsLimit: 10 };
    await using container = await create(limits, script);
    await container.start();
    const cgroups = cgroupPathsOf(container.pid);
    if (cgroups === undefined) throw new Error('the container has no cgroup');
    const stats = (before?: ReturnType<typeof readStats>) =>
      statsJson({ id: container.id, name: 'c' }, readStats(cgroups, container.pid), before);
    // Once the file is there and dd is not.
    const begun = () => {
      const { memory_stats, pids_stats } = stats();
      return memory_stats.usage > 20 * MB && pids_stats.current === 1;
    };
    await expect.poll(begun, { timeout: 60_000 }).toBe(true);
    const before = readStats(cgroups, container.pid);
    await setTimeout(1000);
    const usedOf = ({ cpu_stats, precpu_stats }: ReturnType<typeof stats>) =>
      cpu_stats.cpu_usage.total_usage - precpu_stats.cpu_usage.total_usage;
    await expect.poll(() => usedOf(stats(before)), { timeout: 60_000 }).toBeGreaterThan(0);
    const after = stats(before);
    const { read, preread, cpu_stats, memory_stats, pids_stats } = after;
    expect(cpu_stats.throttling_data.throttled_periods).toBeGreaterThan(0);
    // What it may have in this time, and what the clock was late.
    expect(usedOf(after)).toBeLessThan(share * 1e6 * (Date.parse(read) - Date.parse(preread)) * 3);
    expect(memory_stats.limit).toBe(64 * MB);
    expect(memory_stats.usage).toBeGreaterThan(20 * MB);
    expect(pids_stats).toEqual({ current: 1, limit: 10 });
  });
});
