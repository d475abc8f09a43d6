import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cgroupPathsOf, readStats, statsJson } from '../../../src/runtime/limits/index.js';
import { networksIn } from '../../../src/runtime/limits/read-stats.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const MOUNTS = {
  v1: `31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`,
  inContainer: '34 30 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory',
  v2: '30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate',
};

describe('cgroupPathsOf', () => {
  it.each([
    {
      kind: 'hybrid',
      cgroup: '4:memory:/berth/x\n2:cpu,cpuacct:/berth/x\n1:name=systemd:/y\n0::/z\n',
      mountinfo: MOUNTS.v1,
      expected: ['v1', '/sys/fs/cgroup/memory/berth/x', '/sys/fs/cgroup/cpu,cpuacct/berth/x'],
    },
    {
      kind: 'v1 seen from a container',
      cgroup: '4:memory:/docker/abc/berth/x\n',
      mountinfo: MOUNTS.inContainer,
      expected: ['v1', '/sys/fs/cgroup/memory/berth/x', undefined],
    },
    {
      kind: 'v2',
      cgroup: '0::/berth/x\n',
      mountinfo: MOUNTS.v2,
      expected: ['v2', '/sys/fs/cgroup/berth/x', '/sys/fs/cgroup/berth/x'],
    },
  ])('on a machine of kind $kind', ({ cgroup, mountinfo, expected }) => {
    const paths = cgroupPathsOf(1, { cgroup, mountinfo });
    expect([paths?.version, paths?.directoryOf('memory'), paths?.directoryOf('cpuacct')]).toEqual(expected);
  });
  it('knows a process that has ended', () => expect(cgroupPathsOf(2 ** 22 + 1)).toBeUndefined());
});

/** The files of a cgroup, by path below it. */
async function withFiles<T>(
  files: Readonly<Record<string, string>>,
  work: (folder: string) => T,
): Promise<T> {
  await using folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true });
    writeFileSync(join(folder.path, name), `${text}\n`);
  }
  return work(folder.path);
}

describe('statsJson', () => {
  const container = { id: 'f'.repeat(64), name: 'web' };

  it('of cgroup v1', async () => {
    const json = await withFiles(
      {
        'cpuacct/cpuacct.usage': '5000000000',
        'cpuacct/cpuacct.usage_percpu': '2000000000 3000000000 ',
        'cpuacct/cpuacct.stat': 'user 300\nsystem 200',
        'cpu/cpu.stat': 'nr_periods 10\nnr_throttled 4\nthrottled_time 77',
        'memory/memory.usage_in_bytes': '1000',
        'memory/memory.max_usage_in_bytes': '2000',
        'memory/memory.limit_in_bytes': '4096',
        'memory/memory.failcnt': '3',
        'memory/memory.stat': 'cache 1\ntotal_inactive_file 400',
        'blkio/blkio.throttle.io_service_bytes_recursive':
          '8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096',
        'pids/pids.current': '2',
        'pids/pids.max': 'max',
      },
      (folder) => {
        const cgroups = { version: 'v1' as const, directoryOf: (name: string) => join(folder, name) };
        return statsJson(container, readStats(cgroups, process.pid, { hasOwnNetwork: false }));
      },
    );
    expect(json).toMatchObject({
      preread: '0001-01-01T00:00:00Z',
      cpu_stats: {
        cpu_usage: {
          total_usage: 5e9,
          percpu_usage: [2e9, 3e9],
          usage_in_usermode: 3e9,
          usage_in_kernelmode: 2e9,
        },
        throttling_data: { periods: 10, throttled_periods: 4, throttled_time: 77 },
      },
      memory_stats: {
        usage: 1000,
        max_usage: 2000,
        limit: 4096,
        failcnt: 3,
        stats: { total_inactive_file: 400 },
      },
      pids_stats: { current: 2 },
      name: '/web',
    });
    expect(json.blkio_stats.io_service_bytes_recursive?.[0]).toEqual({
      major: 8,
      minor: 0,
      op: 'read',
      value: 4096,
    });
    expect(json.cpu_stats).toHaveProperty('online_cpus', expect.any(Number));
    expect(json).not.toHaveProperty('networks');
  });

  it('of cgroup v2, with what was before', async () => {
    const files = {
      'cpu.stat': 'usage_usec 5000\nuser_usec 3000\nsystem_usec 2000\nnr_periods 1\nthrottled_usec 9',
      'memory.current': '1000',
      'memory.max': 'max',
      'memory.stat': 'anon 5\ninactive_file 400',
      'io.stat': '8:0 rbytes=4096 wbytes=1 rios=2 wios=3 dbytes=0 dios=0',
      'pids.current': '2',
      'pids.max': '10',
    };
    const json = await withFiles(files, (folder) => {
      const cgroups = { version: 'v2' as const, directoryOf: () => folder };
      const now = () => new Date(0);
      return statsJson(container, readStats(cgroups, process.pid), readStats(cgroups, process.pid, { now }));
    });
    expect(json).toMatchObject({
      preread: '1970-01-01T00:00:00.000Z',
      cpu_stats: {
        cpu_usage: { total_usage: 5e6, usage_in_usermode: 3e6 },
        throttling_data: { throttled_time: 9000 },
      },
      precpu_stats: { cpu_usage: { total_usage: 5e6 } },
      memory_stats: { usage: 1000, stats: { anon: 5, inactive_file: 400 } },
      pids_stats: { current: 2, limit: 10 },
      blkio_stats: {
        io_service_bytes_recursive: [
          { major: 8, minor: 0, op: 'read', value: 4096 },
          { major: 8, minor: 0, op: 'write', value: 1 },
        ],
      },
    });
    // Without a limit it is the machine's memory.
    expect(json.memory_stats.limit).toBeGreaterThan(2 ** 20);
  });
});

it('reads /proc/pid/net/dev', () =>
  expect(
    networksIn(`Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       1       1    0    0    0     0          0         0        1       1    0    0    0     0       0          0
  eth0:    1000      10    1    2    0     0          0         0     2000      20    3    4    0     0       0          0
`),
  ).toEqual({
    eth0: {
      rx_bytes: 1000,
      rx_packets: 10,
      rx_errors: 1,
      rx_dropped: 2,
      tx_bytes: 2000,
      tx_packets: 20,
      tx_errors: 3,
      tx_dropped: 4,
    },
  }));
