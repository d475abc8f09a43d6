import { RuntimeError } from '../errors.js';

/** A limit that makes no sense, or that this machine cannot give. */
export class InvalidLimitError extends RuntimeError {
  override readonly name = 'InvalidLimitError';
}

export type BlkioRate = Readonly<{ Path: string; Rate: number }>;
export type BlkioWeight = Readonly<{ Path: string; Weight: number }>;

/** What can be changed while a container runs. Bytes; 0 or nothing is no limit. */
export type UpdatableLimits = Readonly<{
  Memory?: number;
  /** Memory and swap together; -1 is no limit. */
  MemorySwap?: number;
  MemoryReservation?: number;
  CpuShares?: number;
  NanoCpus?: number;
  /** Microseconds. */
  CpuPeriod?: number;
  CpuQuota?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  PidsLimit?: number | null;
  BlkioWeight?: number;
}>;

/** What of HostConfig limits what a container uses, in the members of the Engine API. */
export type LimitsHostConfig = UpdatableLimits &
  Readonly<{
    OomKillDisable?: boolean | null;
    MemorySwappiness?: number | null;
    BlkioWeightDevice?: readonly BlkioWeight[] | null;
    BlkioDeviceReadBps?: readonly BlkioRate[] | null;
    BlkioDeviceWriteBps?: readonly BlkioRate[] | null;
    BlkioDeviceReadIOps?: readonly BlkioRate[] | null;
    BlkioDeviceWriteIOps?: readonly BlkioRate[] | null;
    Devices?:
      | readonly Readonly<{ PathOnHost: string; PathInContainer?: string; CgroupPermissions?: string }>[]
      | null;
    DeviceCgroupRules?: readonly string[] | null;
    Ulimits?: readonly Readonly<{ Name: string; Soft: number; Hard: number }>[] | null;
    OomScoreAdj?: number;
    Sysctls?: Readonly<Record<string, string>> | null;
    ShmSize?: number;
  }>;

const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** What docker's daemon makes of what it was given, and inspect then shows. */
export function adaptedLimits<T extends LimitsHostConfig>(config: T): T {
  const { Memory = 0, MemorySwap = 0, CpuShares = 0, MemorySwappiness } = config;
  return {
    ...config,
    ...(Memory > 0 && MemorySwap === 0 && { MemorySwap: Memory * 2 }),
    ...(CpuShares > 0 && { CpuShares: Math.min(Math.max(CpuShares, MIN_SHARES), MAX_SHARES) }),
    // What docker's client sends for "not given".
    ...(MemorySwappiness === -1 && { MemorySwappiness: null }),
  };
}
