/** What a container has used until now. Times in nanoseconds, amounts in bytes. */
export type ContainerStats = Readonly<{
  /** RFC 3339. */
  readAt: string;
  cpu: Readonly<{
    total: number;
    user: number;
    system: number;
    /** Of each processor; only v1 knows. */
    each?: readonly number[];
    periods: number;
    throttledPeriods: number;
    throttled: number;
  }>;
  /** What all processors of the machine were busy with, or idle, and how many there are. */
  machine: Readonly<{ cpu: number; cpus: number; memory: number }>;
  memory: Readonly<{
    usage: number;
    /** The most that it ever was. */
    peak?: number;
    limit: number;
    /** How often the limit was hit. */
    failures?: number;
    /** As memory.stat has them. */
    details: Readonly<Record<string, number>>;
  }>;
  /** Nothing where nobody counts it for the container alone. */
  io?: Readonly<{ bytes: readonly IoCounter[]; operations: readonly IoCounter[] }>;
  processes: Readonly<{ current: number; limit?: number }>;
  /** By the names in the container; empty where it has the machine's network. */
  networks: Readonly<Record<string, NetworkCounters>>;
}>;

/** What cgroups count, or what is found without them. */
export type StatsParts = Pick<ContainerStats, 'cpu' | 'memory' | 'io' | 'processes'>;

export type IoCounter = Readonly<{ major: number; minor: number; op: string; value: number }>;

/** Docker's members. */
export type NetworkCounters = Readonly<{
  rx_bytes: number;
  rx_packets: number;
  rx_errors: number;
  rx_dropped: number;
  tx_bytes: number;
  tx_packets: number;
  tx_errors: number;
  tx_dropped: number;
}>;
