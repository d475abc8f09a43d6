import { processStat, readIfAny } from '../../linux/index.js';
import { NS_PER_TICK } from './counters.js';
import type { StatsParts } from './stats.js';

/**
 * What processes use, where no cgroup counts it for them alone. Memory is what they have in it, each for itself, so that what
 * several share counts several times; the time of those that have ended is with whoever waited for them. What they read and
 * write is not known.
 * @param pids those that have ended meanwhile are left out.
 */
export function sumOf(pids: readonly number[], machineMemory: number): StatsParts {
  const all = pids.flatMap((pid) => usedBy(pid) ?? []);
  const sum = (key: keyof Used) => all.reduce((total, each) => total + each[key], 0);
  const [user, system] = [sum('user'), sum('system')];
  return {
    cpu: { total: user + system, user, system, periods: 0, throttledPeriods: 0, throttled: 0 },
    memory: { usage: sum('memory'), limit: machineMemory, details: {} },
    processes: { current: sum('threads') },
  };
}

/** Times in nanoseconds, with those of its children that have ended; memory in bytes. */
type Used = Readonly<{ user: number; system: number; threads: number; memory: number }>;

/** proc(5), /proc/pid/stat: utime, stime, cutime, cstime, num_threads. Their field numbers begin at three here. */
function usedBy(pid: number): Used | undefined {
  const fields = processStat(pid);
  if (fields === undefined) return undefined;
  const field = (number: number) => Number(fields[number - 3]);
  return {
    user: (field(14) + field(16)) * NS_PER_TICK,
    system: (field(15) + field(17)) * NS_PER_TICK,
    threads: field(20),
    memory: Number(/^VmRSS:\s*(\d+) kB$/m.exec(readIfAny(`/proc/${pid}/status`))?.[1] ?? 0) * 1024,
  };
}
