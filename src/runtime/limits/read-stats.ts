import { join } from 'node:path';
import { readIfAny } from '../../linux/index.js';
import type { CgroupPaths } from './cgroup-paths.js';
import { countersIn, NS_PER_TICK, numberIn } from './counters.js';
import { sumOf } from './process-stats.js';
import type { ContainerStats, IoCounter, NetworkCounters, StatsParts } from './stats.js';

const NS_PER_US = 1000;
/** Of v1: more than this is no limit. */
const UNLIMITED = 2 ** 62;

/**
 * Reads what a container has used: a few small files, well below a millisecond.
 * @param source its cgroups; or all its processes, where it has no cgroups of its own.
 * @param options `hasOwnNetwork`: else what the interfaces say is the machine's. @param pid of the container's first process.
 */
export function readStats(
  source: CgroupPaths | readonly number[],
  pid: number,
  { hasOwnNetwork = true, now = () => new Date() }: { hasOwnNetwork?: boolean; now?: () => Date } = {},
): ContainerStats {
  const machine = readMachine();
  return {
    readAt: now().toISOString(),
    ...partsOf(source, machine.memory),
    machine,
    networks: hasOwnNetwork ? networksIn(readIfAny(`/proc/${pid}/net/dev`)) : {},
  };
}

function partsOf(source: CgroupPaths | readonly number[], machineMemory: number): StatsParts {
  if (!('version' in source)) return sumOf(source, machineMemory);
  return source.version === 'v1' ? readV1(source, machineMemory) : readV2(source, machineMemory);
}

function readV1({ directoryOf }: CgroupPaths, machineMemory: number): StatsParts {
  const at = (controller: string, file: string) => join(directoryOf(controller) ?? '/nowhere', file);
  const ticks = countersIn(at('cpuacct', 'cpuacct.stat'));
  const quota = countersIn(at('cpu', 'cpu.stat'));
  const each = readIfAny(at('cpuacct', 'cpuacct.usage_percpu'))
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .map(Number);
  const limit = numberIn(at('memory', 'memory.limit_in_bytes')) ?? UNLIMITED;
  const peak = numberIn(at('memory', 'memory.max_usage_in_bytes'));
  const failures = numberIn(at('memory', 'memory.failcnt'));
  return {
    cpu: {
      total: numberIn(at('cpuacct', 'cpuacct.usage')) ?? 0,
      user: (ticks.user ?? 0) * NS_PER_TICK,
      system: (ticks.system ?? 0) * NS_PER_TICK,
      each,
      periods: quota.nr_periods ?? 0,
      throttledPeriods: quota.nr_throttled ?? 0,
      throttled: quota.throttled_time ?? 0,
    },
    memory: {
      usage: numberIn(at('memory', 'memory.usage_in_bytes')) ?? 0,
      ...(peak !== undefined && { peak }),
      ...(failures !== undefined && { failures }),
      limit: limit >= UNLIMITED ? machineMemory : Math.min(limit, machineMemory),
      details: countersIn(at('memory', 'memory.stat')),
    },
    io: {
      bytes: ioV1(readIfAny(at('blkio', 'blkio.throttle.io_service_bytes_recursive'))),
      operations: ioV1(readIfAny(at('blkio', 'blkio.throttle.io_serviced_recursive'))),
    },
    processes: processesAt((file) => at('pids', file)),
  };
}

function readV2({ directoryOf }: CgroupPaths, machineMemory: number): StatsParts {
  const at = (file: string) => join(directoryOf('') ?? '/nowhere', file);
  const cpu = countersIn(at('cpu.stat'));
  const peak = numberIn(at('memory.peak'));
  const io = readIfAny(at('io.stat'));
  return {
    cpu: {
      total: (cpu.usage_usec ?? 0) * NS_PER_US,
      user: (cpu.user_usec ?? 0) * NS_PER_US,
      system: (cpu.system_usec ?? 0) * NS_PER_US,
      periods: cpu.nr_periods ?? 0,
      throttledPeriods: cpu.nr_throttled ?? 0,
      throttled: (cpu.throttled_usec ?? 0) * NS_PER_US,
    },
    memory: {
      usage: numberIn(at('memory.current')) ?? 0,
      ...(peak !== undefined && { peak }),
      limit: Math.min(numberIn(at('memory.max')) ?? machineMemory, machineMemory),
      details: countersIn(at('memory.stat')),
    },
    io: {
      bytes: ioV2(io, { rbytes: 'read', wbytes: 'write' }),
      operations: ioV2(io, { rios: 'read', wios: 'write' }),
    },
    processes: processesAt(at),
  };
}

function processesAt(at: (file: string) => string): ContainerStats['processes'] {
  const limit = numberIn(at('pids.max'));
  return { current: numberIn(at('pids.current')) ?? 0, ...(limit !== undefined && { limit }) };
}

/** `8:0 Read 4096`. */
function ioV1(text: string): IoCounter[] {
  return Array.from(text.matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm), ([, major, minor, op = '', value]) => ({
    major: Number(major),
    minor: Number(minor),
    op: op.toLowerCase(),
    value: Number(value),
  }));
}

/** `8:0 rbytes=4096 wbytes=0 rios=1 wios=0`. */
function ioV2(text: string, names: Readonly<Record<string, string>>): IoCounter[] {
  return Array.from(text.matchAll(/^(\d+):(\d+) (.*)$/gm)).flatMap(([, major, minor, rest = '']) =>
    Array.from(rest.matchAll(/(\w+)=(\d+)/g)).flatMap(([, key = '', value]) => {
      const op = names[key];
      return op === undefined
        ? []
        : [{ major: Number(major), minor: Number(minor), op, value: Number(value) }];
    }),
  );
}

/** /proc/pid/net/dev: two lines of headings, then an interface each; the loopback one is left out, as by docker. */
export function networksIn(text: string): Record<string, NetworkCounters> {
  const rows = Array.from(text.matchAll(/^\s*([^:\s]+):\s*(.*)$/gm), ([, name = '', rest = '']) => {
    const [
      rx = 0,
      rxPackets = 0,
      rxErrors = 0,
      rxDropped = 0,
      ,
      ,
      ,
      ,
      tx = 0,
      txPackets = 0,
      txErrors = 0,
      txDropped = 0,
    ] = rest.trim().split(/\s+/).map(Number);
    const counters = {
      rx_bytes: rx,
      rx_packets: rxPackets,
      rx_errors: rxErrors,
      rx_dropped: rxDropped,
      tx_bytes: tx,
      tx_packets: txPackets,
      tx_errors: txErrors,
      tx_dropped: txDropped,
    };
    return [name, counters] as const;
  });
  return Object.fromEntries(rows.filter(([name]) => name !== 'lo'));
}

function readMachine(): ContainerStats['machine'] {
  const stat = readIfAny('/proc/stat');
  const [, all = ''] = /^cpu +(.*)$/m.exec(stat) ?? [];
  // Docker's seven: user, nice, system, idle, iowait, irq, softirq.
  const ticks = all.split(' ').slice(0, 7).map(Number);
  const [, kilobytes = '0'] = /^MemTotal: +(\d+) kB$/m.exec(readIfAny('/proc/meminfo')) ?? [];
  return {
    cpu: ticks.reduce((sum, each) => sum + each, 0) * NS_PER_TICK,
    cpus: Array.from(stat.matchAll(/^cpu\d+ /gm)).length,
    memory: Number(kilobytes) * 1024,
  };
}
