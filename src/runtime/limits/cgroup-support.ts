import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readIfAny } from '../../linux/index.js';

/** What cgroups of this machine can limit. */
export type CgroupSupport = Readonly<{
  version: 'none' | 'v1' | 'v2';
  /** Of an ordinary user's systemd, which has what the machine's gives it. */
  isOfUser?: boolean;
  /** By the names of v2: memory, cpu, cpuset, pids, io. */
  controllers: ReadonlySet<string>;
  hasSwap: boolean;
  hasSwappiness: boolean;
  hasOomControl: boolean;
  /** Some disk's scheduler shares by weights. */
  hasIoWeight: boolean;
  /** The processors and memory nodes there are: `0-3`. */
  cpus: string;
  mems: string;
}>;

/** @param own as of ownCgroups. */
export function cgroupSupport({ cgroups: version, userCgroup }: OwnCgroups): CgroupSupport {
  if (userCgroup === undefined) return readCgroupSupport(version);
  return { ...readCgroupSupport(version, { cgroups: userCgroup }), isOfUser: true };
}

type OwnCgroups = Readonly<{ cgroups: CgroupSupport['version']; userCgroup?: string }>;

const CONTROLLERS = ['memory', 'cpu', 'cpuset', 'pids', 'io'];
const ON_V1: Readonly<Record<string, string>> = { io: 'blkio' };

/**
 * Looks at what this machine gives. @param version as of usableCgroups. @param roots for tests.
 */
export function readCgroupSupport(
  version: CgroupSupport['version'],
  { cgroups = '/sys/fs/cgroup', sys = '/sys' }: { cgroups?: string; sys?: string } = {},
): CgroupSupport {
  const online = {
    cpus: textOf(join(sys, 'devices/system/cpu/online')) || '0',
    mems: textOf(join(sys, 'devices/system/node/online')) || '0',
  };
  switch (version) {
    case 'none':
      return { version, controllers: new Set(), ...NOTHING, ...online };
    case 'v1':
      return { version, ...ofV1(cgroups, sys), ...online };
    case 'v2':
      return { version, ...ofV2(cgroups, sys), ...online };
  }
}

const NOTHING = { hasSwap: false, hasSwappiness: false, hasOomControl: false, hasIoWeight: false };

function ofV1(cgroups: string, sys: string) {
  const there = (file: string) => existsSync(join(cgroups, file));
  return {
    controllers: new Set(CONTROLLERS.filter((name) => there(join(ON_V1[name] ?? name, 'cgroup.procs')))),
    hasSwap: there('memory/memory.memsw.limit_in_bytes'),
    hasSwappiness: there('memory/memory.swappiness'),
    hasOomControl: there('memory/memory.oom_control'),
    // The old one of CFQ, gone since Linux 5.0.
    hasIoWeight: there('blkio/blkio.weight') || hasBfq(sys),
  };
}

function ofV2(cgroups: string, sys: string) {
  const controllers = new Set(textOf(join(cgroups, 'cgroup.controllers')).split(/\s+/));
  return {
    controllers: new Set(CONTROLLERS.filter((name) => controllers.has(name))),
    hasSwap: hasInner(cgroups, 'memory.swap.max'),
    hasSwappiness: false,
    hasOomControl: false,
    hasIoWeight: hasBfq(sys) || / enable=1/.test(textOf(join(cgroups, 'io.cost.qos'))),
  };
}

/** The root has no limits: groups below tell. Without any, what every kernel since 5.8 has. */
function hasInner(cgroups: string, file: string): boolean {
  const groups = readdirSync(cgroups, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const limited = groups.filter(({ name }) => existsSync(join(cgroups, name, 'memory.max')));
  return limited.length === 0 || limited.some(({ name }) => existsSync(join(cgroups, name, file)));
}

/** Whether the scheduler of some disk looks at weights. */
function hasBfq(sys: string): boolean {
  const disks = join(sys, 'block');
  if (!existsSync(disks)) return false;
  return readdirSync(disks).some((disk) => textOf(join(disks, disk, 'queue/scheduler')).includes('[bfq]'));
}

function textOf(path: string): string {
  return readIfAny(path).trim();
}
