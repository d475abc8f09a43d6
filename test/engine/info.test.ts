import { expect, it } from 'vitest';
import { limitsJson } from '../../src/engine/system/info.js';

const ALL = {
  version: 'v2',
  controllers: new Set(['memory', 'cpu', 'cpuset', 'pids', 'io']),
  hasSwap: true,
  hasSwappiness: false,
  hasOomControl: false,
  hasIoWeight: false,
  cpus: '0-1',
  mems: '0',
} as const;

it('says who makes cgroups, and what those can limit', () => {
  expect(limitsJson(ALL, true)).toMatchObject({
    CgroupDriver: 'cgroupfs',
    CgroupVersion: '2',
    SwapLimit: true,
    CPUSet: true,
  });
  const ofUser = { ...ALL, controllers: new Set(['memory', 'cpu', 'pids']), isOfUser: true };
  expect(limitsJson(ofUser, true)).toMatchObject({
    CgroupDriver: 'systemd',
    MemoryLimit: true,
    CPUSet: false,
  });
  const none = { ...ALL, version: 'none', controllers: new Set<string>(), hasSwap: false } as const;
  expect(limitsJson(none, true)).toMatchObject({
    CgroupDriver: 'none',
    MemoryLimit: false,
    SwapLimit: false,
  });
});
