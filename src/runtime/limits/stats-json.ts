import type { ContainerStats } from './stats.js';

const NEVER = '0001-01-01T00:00:00Z';

/** Docker's JSON of GET /containers/ID/stats. @param before the reading before, for the share of the processors. */
export function statsJson(
  { id, name }: Readonly<{ id: string; name: string }>,
  stats: ContainerStats,
  before?: ContainerStats,
) {
  const { io, memory, processes, networks } = stats;
  const { peak, failures, usage, limit, details } = memory;
  return {
    read: stats.readAt,
    preread: before?.readAt ?? NEVER,
    pids_stats: {
      current: processes.current,
      ...(processes.limit !== undefined && { limit: processes.limit }),
    },
    blkio_stats: {
      io_service_bytes_recursive: io?.bytes ?? null,
      io_serviced_recursive: io?.operations ?? null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuJson(stats),
    precpu_stats: before ? cpuJson(before) : EMPTY_CPU,
    memory_stats: {
      usage,
      ...(peak !== undefined && { max_usage: peak }),
      stats: details,
      ...(failures !== undefined && { failcnt: failures }),
      limit,
    },
    name: `/${name}`,
    id,
    ...(Object.keys(networks).length > 0 && { networks }),
  };
}

const EMPTY_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

function cpuJson({ cpu, machine }: ContainerStats) {
  return {
    cpu_usage: {
      total_usage: cpu.total,
      ...(cpu.each && { percpu_usage: cpu.each }),
      usage_in_kernelmode: cpu.system,
      usage_in_usermode: cpu.user,
    },
    system_cpu_usage: machine.cpu,
    online_cpus: machine.cpus,
    throttling_data: {
      periods: cpu.periods,
      throttled_periods: cpu.throttledPeriods,
      throttled_time: cpu.throttled,
    },
  };
}
