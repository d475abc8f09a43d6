import { statSync } from 'node:fs';
import { deviceNumbers } from '../../linux/index.js';
import type { CgroupSupport } from './cgroup-support.js';
import { checkLimits } from './check-limits.js';
import { adaptedLimits, type BlkioRate, InvalidLimitError, type LimitsHostConfig } from './limit-config.js';

/** runtime-spec config-linux.md, "Control groups", without devices. Runtimes translate it for cgroup v2. */
export type SpecResources = Readonly<{
  memory?: Readonly<{
    limit?: number;
    reservation?: number;
    swap?: number;
    swappiness?: number;
    disableOOMKiller?: boolean;
  }>;
  cpu?: Readonly<{ shares?: number; quota?: number; period?: number; cpus?: string; mems?: string }>;
  pids?: Readonly<{ limit: number }>;
  blockIO?: Readonly<Record<string, unknown>>;
}>;

const PERIOD_US = 100_000;
const NANO = 1e9;

/** @throws {InvalidLimitError} docker's own refusals, and what this machine cannot give, with the reason. */
export function resourcesOf(hostConfig: LimitsHostConfig, support: CgroupSupport): SpecResources {
  const config = adaptedLimits(hostConfig);
  checkLimits(config, support);
  const [memory, cpu, blockIO] = [memoryOf(config, support), cpuOf(config), blockIoOf(config)];
  const { PidsLimit } = config;
  return {
    ...(hasAny(memory) && { memory }),
    ...(hasAny(cpu) && { cpu }),
    ...(PidsLimit != null && PidsLimit > 0 && { pids: { limit: PidsLimit } }),
    ...(hasAny(blockIO) && { blockIO }),
  };
}

function memoryOf(
  { Memory = 0, MemorySwap = 0, MemoryReservation = 0, MemorySwappiness, OomKillDisable }: LimitsHostConfig,
  { hasSwap }: CgroupSupport,
) {
  return {
    ...(Memory > 0 && { limit: Memory }),
    ...(MemoryReservation > 0 && { reservation: MemoryReservation }),
    ...(MemorySwap !== 0 && hasSwap && { swap: MemorySwap }),
    ...(MemorySwappiness != null && { swappiness: MemorySwappiness }),
    ...(OomKillDisable === true && { disableOOMKiller: true }),
  };
}

function cpuOf(config: LimitsHostConfig) {
  const {
    CpuShares = 0,
    NanoCpus = 0,
    CpuPeriod = 0,
    CpuQuota = 0,
    CpusetCpus = '',
    CpusetMems = '',
  } = config;
  const [period, quota] =
    NanoCpus > 0 ? [PERIOD_US, Math.floor((NanoCpus * PERIOD_US) / NANO)] : [CpuPeriod, CpuQuota];
  return {
    ...(CpuShares > 0 && { shares: CpuShares }),
    ...(period > 0 && { period }),
    ...(quota !== 0 && { quota }),
    ...(CpusetCpus !== '' && { cpus: CpusetCpus }),
    ...(CpusetMems !== '' && { mems: CpusetMems }),
  };
}

function blockIoOf(config: LimitsHostConfig) {
  const { BlkioWeight = 0, BlkioWeightDevice } = config;
  const rates = {
    throttleReadBpsDevice: ratesOf(config.BlkioDeviceReadBps),
    throttleWriteBpsDevice: ratesOf(config.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: ratesOf(config.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: ratesOf(config.BlkioDeviceWriteIOps),
  };
  const weights = (BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({
    ...blockDevice(Path),
    weight: Weight,
  }));
  return {
    ...(BlkioWeight > 0 && { weight: BlkioWeight }),
    ...(weights.length > 0 && { weightDevice: weights }),
    ...Object.fromEntries(Object.entries(rates).filter(([, list]) => list.length > 0)),
  };
}

function ratesOf(rates: readonly BlkioRate[] | null | undefined) {
  return (rates ?? []).map(({ Path, Rate }) => ({ ...blockDevice(Path), rate: Rate }));
}

/** @throws {InvalidLimitError} */
function blockDevice(path: string): { major: number; minor: number } {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new InvalidLimitError(`cannot limit ${path}: there is no such device`);
  if (!stats.isBlockDevice())
    throw new InvalidLimitError(`cannot limit ${path}: it is no block device, as disks are`);
  return deviceNumbers(stats.rdev);
}

function hasAny(part: object): boolean {
  return Object.keys(part).length > 0;
}
