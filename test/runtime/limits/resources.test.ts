import { describe, expect, it } from 'vitest';
import {
  type CgroupSupport,
  devicesOf,
  type LimitsHostConfig,
  oomScoreOf,
  readCgroupSupport,
  resourcesOf,
  rlimitsOf,
  shmBytesOf,
  sysctlsOf,
  updateLimits,
} from '../../../src/runtime/limits/index.js';

const MB = 1024 * 1024;
const V1: CgroupSupport = {
  version: 'v1',
  controllers: new Set(['memory', 'cpu', 'cpuset', 'pids', 'io']),
  hasSwap: true,
  hasSwappiness: true,
  hasOomControl: true,
  hasIoWeight: true,
  cpus: '0-3',
  mems: '0',
};
const V2: CgroupSupport = {
  ...V1,
  version: 'v2',
  hasSwappiness: false,
  hasOomControl: false,
  hasIoWeight: false,
};
const NONE: CgroupSupport = { ...V2, version: 'none', controllers: new Set(), hasSwap: false };

describe('resourcesOf', () => {
  it.each<{ config: LimitsHostConfig; expected: object }>([
    { config: {}, expected: {} },
    {
      config: { Memory: 0, PidsLimit: 0, CpuShares: 0, MemorySwappiness: -1, OomKillDisable: false },
      expected: {},
    },
    { config: { Memory: 64 * MB }, expected: { memory: { limit: 64 * MB, swap: 128 * MB } } },
    { config: { Memory: 64 * MB, MemorySwap: -1 }, expected: { memory: { limit: 64 * MB, swap: -1 } } },
    {
      config: { Memory: 64 * MB, MemoryReservation: 32 * MB, MemorySwappiness: 0, OomKillDisable: true },
      expected: {
        memory: {
          limit: 64 * MB,
          swap: 128 * MB,
          reservation: 32 * MB,
          swappiness: 0,
          disableOOMKiller: true,
        },
      },
    },
    { config: { NanoCpus: 1.5e9 }, expected: { cpu: { period: 100_000, quota: 150_000 } } },
    { config: { CpuPeriod: 50_000, CpuQuota: 10_000 }, expected: { cpu: { period: 50_000, quota: 10_000 } } },
    { config: { CpuShares: 1 }, expected: { cpu: { shares: 2 } } },
    { config: { CpusetCpus: '0,2-3', CpusetMems: '0' }, expected: { cpu: { cpus: '0,2-3', mems: '0' } } },
    { config: { PidsLimit: 50 }, expected: { pids: { limit: 50 } } },
    { config: { BlkioWeight: 100 }, expected: { blockIO: { weight: 100 } } },
  ])('of $config', ({ config, expected }) => expect(resourcesOf(config, V1)).toEqual(expected));

  it.each<{ config: LimitsHostConfig; message: string }>([
    { config: { Memory: 1024 }, message: 'Minimum memory limit allowed is 6MB' },
    { config: { Memory: 64 * MB, MemorySwap: 32 * MB }, message: 'should be larger than memory limit' },
    { config: { MemorySwap: 64 * MB }, message: 'You should always set the Memory limit' },
    { config: { Memory: 8 * MB, MemoryReservation: 9 * MB }, message: 'less than memory reservation limit' },
    { config: { MemorySwappiness: 101 }, message: 'valid memory swappiness range is 0-100' },
    {
      config: { NanoCpus: 5e9 },
      message: 'range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available',
    },
    { config: { NanoCpus: 1e9, CpuQuota: 5000 }, message: 'Nano CPUs and CPU Quota cannot both be set' },
    { config: { CpuPeriod: 10 }, message: 'CPU cfs period can not be less than 1ms' },
    { config: { CpuQuota: 10 }, message: 'CPU cfs quota can not be less than 1ms' },
    {
      config: { CpusetCpus: '0-9' },
      message: 'Requested CPUs are not available - requested 0-9, available: 0-3',
    },
    { config: { CpusetCpus: '3-1' }, message: 'Invalid value 3-1 for cpuset cpus' },
    { config: { CpusetMems: '1' }, message: 'Requested memory nodes are not available' },
    { config: { BlkioWeight: 5 }, message: 'Range of blkio weight is from 10 to 1000' },
    {
      config: { BlkioDeviceReadBps: [{ Path: '/dev/nosuch', Rate: 1 }] },
      message: 'there is no such device',
    },
    { config: { BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: 1 }] }, message: 'it is no block device' },
    {
      config: { BlkioDeviceWriteIOps: [{ Path: '/dev/null', Rate: 0 }] },
      message: 'it must be a positive number',
    },
  ])('refuses $config', ({ config, message }) => expect(() => resourcesOf(config, V1)).toThrow(message));

  it.each<{ config: LimitsHostConfig; support: CgroupSupport; message: string }>([
    { config: { MemorySwappiness: 10 }, support: V2, message: 'only cgroup v1 has it' },
    { config: { OomKillDisable: true }, support: V2, message: 'only cgroup v1 can do that' },
    { config: { BlkioWeight: 100 }, support: V2, message: 'no disk here has the scheduler bfq' },
    {
      config: { Memory: 64 * MB, MemorySwap: 64 * MB },
      support: { ...V1, hasSwap: false },
      message: 'swapaccount=1',
    },
    {
      config: { Memory: 64 * MB },
      support: NONE,
      message: 'cannot limit memory: this process may not make cgroups',
    },
    {
      config: { PidsLimit: 5 },
      support: { ...V1, controllers: new Set(['memory']) },
      message: 'no cgroup controller pids',
    },
  ])('says what this machine cannot give: $message', ({ config, support, message }) =>
    expect(() => resourcesOf(config, support)).toThrow(message),
  );

  it('leaves out the usual limit of swap where swap is not counted', () =>
    expect(resourcesOf({ Memory: 64 * MB }, { ...V1, hasSwap: false })).toEqual({
      memory: { limit: 64 * MB },
    }));

  it('knows the processors of this machine', () =>
    expect(readCgroupSupport('none').cpus).toMatch(/^\d+(-\d+)?/));
});

describe('updateLimits', () => {
  it('changes what is given, and keeps the rest', () =>
    expect(
      updateLimits(
        { Memory: 64 * MB, MemorySwap: 128 * MB, PidsLimit: 5 },
        { CpuShares: 512, Memory: 0 },
        V1,
      ),
    ).toEqual({
      hostConfig: { Memory: 64 * MB, MemorySwap: 128 * MB, PidsLimit: 5, CpuShares: 512 },
      resources: {
        memory: { limit: 64 * MB, swap: 128 * MB },
        cpu: { shares: 512 },
        pids: { limit: 5 },
      },
    }));
  it('takes the limit of processes away', () =>
    expect(updateLimits({ PidsLimit: 5 }, { PidsLimit: 0 }, V1).resources).toEqual({ pids: { limit: -1 } }));
  it.each([
    {
      now: { MemorySwap: 64 * MB },
      change: { Memory: 65 * MB },
      message: 'update the memoryswap at the same time',
    },
    {
      now: { NanoCpus: 1e9 },
      change: { CpuQuota: 5000 },
      message: 'CPU Quota cannot be updated as NanoCPUs',
    },
    {
      now: { CpuPeriod: 5000 },
      change: { NanoCpus: 1e9 },
      message: 'Nano CPUs cannot be updated as CPU Period',
    },
  ])('refuses $change over $now', ({ now, change, message }) =>
    expect(() => updateLimits(now, change, V1)).toThrow(message),
  );
});

describe('limits of processes', () => {
  it('are no higher than this process may give, with a word', () => {
    const notices: string[] = [];
    const Ulimits = [{ Name: 'nofile', Soft: 1_000_000_000_000, Hard: 1_000_000_000_000 }];
    const [limit] = rlimitsOf({ Ulimits }, { mayRaise: false, onNotice: (text) => notices.push(text) });
    expect(limit?.hard).toBeLessThan(1_000_000_000_000);
    expect(notices).toEqual([
      `ulimit nofile is ${limit?.hard} instead of 1000000000000: this process may give no more`,
    ]);
    const wrong = { Ulimits: [{ Name: 'nofile', Soft: 5, Hard: 3 }] };
    expect(() => rlimitsOf(wrong, { mayRaise: true })).toThrow('5 > 3');
  });
  it('have an OOM score of their own', () => {
    expect(oomScoreOf({}, { mayRaise: false })).toBeUndefined();
    expect(oomScoreOf({ OomScoreAdj: 500 }, { mayRaise: false, own: 0 })).toBe(500);
    expect(() => oomScoreOf({ OomScoreAdj: -5 }, { mayRaise: false, own: 0 })).toThrow('SYS_RESOURCE');
    expect(() => oomScoreOf({ OomScoreAdj: 1001 }, { mayRaise: true })).toThrow('range for oom score adj');
  });
  it('have shared memory', () => {
    expect([shmBytesOf({}), shmBytesOf({ ShmSize: 5 })]).toEqual([undefined, 5]);
    expect(() => shmBytesOf({ ShmSize: -1 })).toThrow('SHM size can not be less than 0');
  });
  it('change only settings of namespaces that are their own', () => {
    const Sysctls = { 'net/ipv4/ip_forward': '1', 'kernel.shmmax': '5' };
    expect(sysctlsOf({ Sysctls })).toEqual({ 'net.ipv4.ip_forward': '1', 'kernel.shmmax': '5' });
    expect(() => sysctlsOf({ Sysctls }, new Set(['network']))).toThrow(
      'not allowed in host network namespace',
    );
    expect(() => sysctlsOf({ Sysctls: { 'kernel.panic': '1' } })).toThrow(
      "sysctl 'kernel.panic' is not allowed",
    );
  });
});

describe('devices', () => {
  it('are given with their rules', () => {
    const Devices = [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'r' }];
    expect(devicesOf({ Devices, DeviceCgroupRules: ['c 42:* rwm'] }, { ids: 'machine' })).toMatchObject({
      devices: [{ path: '/dev/x', type: 'c', major: 1, minor: 3 }],
      rules: [
        { allow: true, type: 'c', major: 1, minor: 3, access: 'r' },
        { allow: true, type: 'c', major: 42, access: 'rwm' },
      ],
    });
  });
  it.each([
    { config: { Devices: [{ PathOnHost: '/dev/nosuch' }] }, message: 'no such file or directory' },
    { config: { Devices: [{ PathOnHost: '/etc/passwd' }] }, message: 'not a device node' },
    {
      config: { Devices: [{ PathOnHost: '/dev/null', CgroupPermissions: 'x' }] },
      message: 'bad mode specified: x',
    },
    { config: { DeviceCgroupRules: ['c 1 rwm'] }, message: "invalid device cgroup rule format: 'c 1 rwm'" },
  ])('are refused: $config', ({ config, message }) =>
    expect(() => devicesOf(config, { ids: 'machine' })).toThrow(message),
  );
});
