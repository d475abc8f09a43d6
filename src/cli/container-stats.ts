import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerHost, type ContainerRecord, statsOfContainer } from '../runtime/container/index.js';
import type { ContainerStats } from '../runtime/limits/index.js';
import { openContainerHost } from './container-host.js';
import { formatRows } from './format-template.js';
import type { StoreFlags } from './image-store.js';
import { binarySize, humanSize } from './image-units.js';
import { Interruption } from './interruption.js';

export type StatsFlags = StoreFlags &
  Readonly<{ all?: boolean; stream?: boolean; trunc?: boolean; format?: string }>;

const HEADERS = {
  Container: 'CONTAINER',
  ID: 'CONTAINER ID',
  Name: 'NAME',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
  PIDs: 'PIDS',
} as const;
const TABLE =
  'table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}';
/** The share of the processors is that of the time between two readings. */
const INTERVAL_MS = 1000;
/** To the corner, and what was there is gone. */
const CLEAR = '\x1b[H\x1b[2J';
const NOTHING = '--';

type Reading = Readonly<{ record: ContainerRecord; stats: ContainerStats | undefined }>;

/** `berth stats`: docker's columns, each second; until interrupted, or until all that were named are gone. */
export async function showStats(names: readonly string[], flags: StatsFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  using interruption = new Interruption();
  const { signal } = interruption;
  const { host } = opened;
  for (const name of names) await host.get(name); // one that there is not is told of now
  let before = await readingsOf(host, names, flags.all === true);
  do {
    await sleep(INTERVAL_MS, undefined, { signal });
    const now = await readingsOf(host, names, flags.all === true);
    if (names.length > 0 && now.size === 0) return;
    process.stdout.write(shown([...now.values()], before, flags));
    before = now;
  } while (flags.stream !== false);
}

function shown(
  readings: readonly Reading[],
  before: ReadonlyMap<string, Reading>,
  { format, stream, trunc }: StatsFlags,
): string {
  const rows = readings.map((reading) =>
    rowOf(reading, before.get(reading.record.id)?.stats, { trunc: trunc !== false }),
  );
  const isTable = format === undefined || format === 'table';
  const text = formatRows(rows, isTable ? TABLE : format, HEADERS);
  return stream !== false && process.stdout.isTTY ? `${CLEAR}${text}` : text;
}

async function readingsOf(
  host: ContainerHost,
  names: readonly string[],
  showsAll: boolean,
): Promise<Map<string, Reading>> {
  const records =
    names.length > 0
      ? (await Promise.all(names.map((name) => host.get(name).catch(() => undefined)))).filter(
          (record) => record !== undefined,
        )
      : (await host.list()).filter(({ state }) => showsAll || ['running', 'paused'].includes(state.status));
  return new Map(records.map((record) => [record.id, { record, stats: statsOfContainer(record) }]));
}

function rowOf(
  { record: { id, name }, stats }: Reading,
  before: ContainerStats | undefined,
  { trunc }: Readonly<{ trunc: boolean }>,
): Record<keyof typeof HEADERS, string> {
  const names = { Container: trunc ? id.slice(0, 12) : id, ID: trunc ? id.slice(0, 12) : id, Name: name };
  if (stats === undefined) {
    return {
      ...names,
      CPUPerc: NOTHING,
      MemUsage: `${NOTHING} / ${NOTHING}`,
      MemPerc: NOTHING,
      NetIO: NOTHING,
      BlockIO: NOTHING,
      PIDs: NOTHING,
    };
  }
  const { memory, networks, io, processes } = stats;
  const used = memoryUsed(stats);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const moved = ({ bytes }: NonNullable<ContainerStats['io']>, op: string) =>
    humanSize(sum(bytes.filter((each) => each.op === op).map(({ value }) => value)));
  const interfaces = Object.values(networks);
  return {
    ...names,
    CPUPerc: percent(cpuShare(stats, before)),
    MemUsage: `${binarySize(used)} / ${binarySize(memory.limit)}`,
    MemPerc: percent(memory.limit > 0 ? used / memory.limit : 0),
    NetIO: `${humanSize(sum(interfaces.map((each) => each.rx_bytes)))} / ${humanSize(sum(interfaces.map((each) => each.tx_bytes)))}`,
    BlockIO: io ? `${moved(io, 'read')} / ${moved(io, 'write')}` : NOTHING,
    PIDs: String(processes.current),
  };
}

/** Of all processors; one that was busy all the time is 1. */
function cpuShare({ cpu, machine }: ContainerStats, before: ContainerStats | undefined): number {
  if (before === undefined) return 0;
  const [own, all] = [cpu.total - before.cpu.total, machine.cpu - before.machine.cpu];
  return own > 0 && all > 0 ? (own / all) * machine.cpus : 0;
}

/** Without what the kernel would give back at once: total_inactive_file of v1, inactive_file of v2. */
function memoryUsed({ memory: { usage, details } }: ContainerStats): number {
  const spare = details.total_inactive_file ?? details.inactive_file ?? 0;
  return spare < usage ? usage - spare : usage;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}
