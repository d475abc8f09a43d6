import type { CgroupSupport } from './cgroup-support.js';
import { InvalidLimitError, type LimitsHostConfig, type UpdatableLimits } from './limit-config.js';
import { resourcesOf, type SpecResources } from './resources.js';

/** What `runc update --resources -` reads, and what inspect shows from then on. */
export type LimitsUpdate<T extends LimitsHostConfig> = Readonly<{ hostConfig: T; resources: SpecResources }>;

const UPDATABLE: readonly (keyof UpdatableLimits)[] = [
  'Memory',
  'MemorySwap',
  'MemoryReservation',
  'CpuShares',
  'NanoCpus',
  'CpuPeriod',
  'CpuQuota',
  'CpusetCpus',
  'CpusetMems',
  'PidsLimit',
  'BlkioWeight',
];

/**
 * Changes the limits of a container, running or not. @param change members that are 0, '' or absent stay as they are.
 * @throws {InvalidLimitError} with docker's words.
 */
export function updateLimits<T extends LimitsHostConfig>(
  hostConfig: T,
  change: UpdatableLimits,
  support: CgroupSupport,
): LimitsUpdate<T> {
  expectNoConflict(hostConfig, change);
  const given = Object.fromEntries(
    UPDATABLE.filter((name) => change[name] !== undefined && change[name] !== null)
      .filter((name) => name === 'PidsLimit' || (change[name] !== 0 && change[name] !== ''))
      .map((name) => [name, change[name]]),
  );
  const changed = { ...hostConfig, ...given };
  const { memory, cpu, pids, blockIO } = resourcesOf(changed, support);
  // Runtimes take this for unlimited, and an absent one for unchanged.
  const limit = change.PidsLimit != null && change.PidsLimit <= 0 ? { limit: -1 } : pids;
  const weight = blockIO?.weight;
  return {
    hostConfig: changed,
    resources: {
      ...(memory && { memory }),
      ...(cpu && { cpu }),
      ...(limit && { pids: limit }),
      ...(weight !== undefined && { blockIO: { weight } }),
    },
  };
}

function expectNoConflict(now: LimitsHostConfig, change: UpdatableLimits): void {
  const { NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0, Memory = 0, MemorySwap = 0 } = change;
  const cannot = (what: string, because: string) =>
    new InvalidLimitError(
      `Conflicting options: ${what} cannot be updated as ${because} has already been set`,
    );
  if (NanoCpus > 0 && (now.CpuPeriod ?? 0) > 0) throw cannot('Nano CPUs', 'CPU Period');
  if (NanoCpus > 0 && (now.CpuQuota ?? 0) > 0) throw cannot('Nano CPUs', 'CPU Quota');
  if (CpuPeriod > 0 && (now.NanoCpus ?? 0) > 0) throw cannot('CPU Period', 'NanoCPUs');
  if (CpuQuota > 0 && (now.NanoCpus ?? 0) > 0) throw cannot('CPU Quota', 'NanoCPUs');
  const swap = now.MemorySwap ?? 0;
  if (Memory > swap && MemorySwap === 0 && swap > 0)
    throw new InvalidLimitError(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
}
