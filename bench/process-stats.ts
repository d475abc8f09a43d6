import { readdirSync, readFileSync } from 'node:fs';

/** Of a process with all its descendants. Sizes in bytes. */
export type Memory = Readonly<{ rss: number; peak: number }>;

/** Ticks of the processor times in /proc. `getconf CLK_TCK` is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Resident memory now, and the sum of each process's highest. proc(5), "status". */
export function memoryOf(pid: number): Memory {
  const all = familyOf(pid).map((member) => {
    const status = readFileSync(`/proc/${member}/status`, 'utf8');
    const field = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
    return { rss: field('VmRSS'), peak: field('VmHWM') };
  });
  return {
    rss: all.reduce((sum, { rss }) => sum + rss, 0),
    peak: all.reduce((sum, { peak }) => sum + peak, 0),
  };
}

/** User and system time of all threads, ended ones too. proc(5), "stat", fields 14 and 15. */
export function cpuSecondsOf(pid: number): number {
  return familyOf(pid).reduce((sum, member) => sum + fieldsSum(member, [14, 15]), 0);
}

/** Processor time of children that this process has waited for. proc(5), "stat", fields 16 and 17. */
export function endedChildrenCpuSeconds(): number {
  return fieldsSum(process.pid, [16, 17]);
}

/** Resolves once a process has done next to nothing for a second. @returns seconds until it fell quiet. */
export async function untilQuiet(pid: number, limitSeconds = 300): Promise<number> {
  const start = performance.now();
  let quietSince = start;
  let before = cpuSecondsOf(pid);
  while (performance.now() - quietSince < 1000) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    const now = cpuSecondsOf(pid);
    if (now - before > 0.02) quietSince = performance.now();
    before = now;
    if (performance.now() - start > limitSeconds * 1000) {
      throw new Error(`process ${pid} is still busy after ${limitSeconds} s`);
    }
  }
  return (quietSince - start) / 1000;
}

function fieldsSum(pid: number, fields: readonly number[]): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The program's name may hold spaces; what follows it begins with field 3.
  const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.reduce((sum, field) => sum + Number(rest[field - 3]), 0) / TICKS_PER_SECOND;
}

function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  });
  return [pid, ...children.flatMap(familyOf)];
}
