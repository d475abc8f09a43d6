import { once } from 'node:events';
import { type LogRecord, logPlanOf, readLog, utcTime, utcTimeOfUnix } from '../runtime/logs/index.js';
import { findAge } from './age.js';
import { openContainerHost } from './container-host.js';
import { UsageError } from './failure.js';
import type { StoreFlags } from './image-store.js';
import { Interruption } from './interruption.js';

export type LogsFlags = StoreFlags &
  Readonly<{
    follow?: boolean;
    tail: string;
    since?: string;
    until?: string;
    timestamps?: boolean;
    details?: boolean;
  }>;

/** `berth logs`: what a container printed, each output to its own. */
export async function showLogs(name: string, flags: LogsFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  const { host } = opened;
  const record = await host.get(name);
  const { driver } = logPlanOf(record.hostConfig.LogConfig);
  if (driver !== 'json-file')
    throw new Error(`the logs of ${name} are not kept here: its log driver is ${driver}`);
  using interruption = new Interruption();
  const { signal } = interruption;
  const ended = new AbortController();
  if (flags.follow === true) {
    host.wait(record.id, { signal }).then(
      () => ended.abort(),
      () => ended.abort(),
    );
  }
  const now = Date.now();
  const options = {
    ...(flags.since !== undefined && { since: timeOf(flags.since, now) }),
    ...(flags.until !== undefined && { until: timeOf(flags.until, now) }),
    ...(flags.tail !== 'all' && { tail: countOf(flags.tail) }),
    ...(flags.follow === true && { follow: { ended: ended.signal } }),
    signal,
  };
  for await (const line of readLog(host.folder(record.id).file('log'), options)) {
    await write(line, flags.timestamps === true, signal);
  }
}

async function write(
  { stream, time, text }: LogRecord,
  withTime: boolean,
  signal: AbortSignal,
): Promise<void> {
  const output = process[stream];
  const isReady = withTime
    ? output.write(Buffer.concat([Buffer.from(`${time} `), text]))
    : output.write(text);
  if (!isReady) await once(output, 'drain', { signal });
}

/** A time, seconds since 1970, or how long ago: `10m`. @returns as records have it. @throws {UsageError} */
function timeOf(text: string, now: number): string {
  const age = findAge(text);
  const time =
    age === undefined
      ? (utcTimeOfUnix(text) ?? utcTime(dateText(text)))
      : utcTime(new Date(now - age).toISOString());
  if (time !== undefined) return time;
  throw new UsageError(`not a time: ${JSON.stringify(text)}; write 10m or 2026-01-31T12:00:00Z`);
}

/** A date alone, or without a zone, is of this machine. */
function dateText(text: string): string {
  const time = /Z|[+-]\d\d:\d\d$/.test(text) ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? text : new Date(time).toISOString();
}

function countOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--tail ${text}: write a number of lines, or all`);
}
