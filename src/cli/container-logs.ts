import { once } from 'node:events';
import { READER_GONE } from '../oci/index.js';
import { type LogRecord, logSourceOf, readLog } from '../runtime/logs/index.js';
import { openContainerHost } from './container-host.js';
import { UsageError } from './failure.js';
import type { StoreFlags } from './image-store.js';
import { Interruption } from './interruption.js';
import { parseTime } from './point-in-time.js';

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
  const source = logSourceOf(record, host.folder(record.id).file('log'));
  if (source === undefined) throw new Error(`the logs of ${name} are not kept: its log driver is none`);
  // Its failures are nobody's concern elsewhere; here it has half of what was asked for.
  process.stderr.on(
    'error',
    ({ code }: NodeJS.ErrnoException) => code === 'EPIPE' && process.exit(READER_GONE),
  );
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
    ...(flags.since !== undefined && { since: parseTime(flags.since, now) }),
    ...(flags.until !== undefined && { until: parseTime(flags.until, now) }),
    ...(flags.tail !== 'all' && { tail: countOf(flags.tail) }),
    ...(flags.follow === true && { follow: { ended: ended.signal } }),
    signal,
  };
  for await (const line of readLog(source, options)) {
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

function countOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--tail ${text}: write a number of lines, or all`);
}
