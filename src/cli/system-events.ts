import { once } from 'node:events';
import { acceptsEvent, EVENT_FILTERS, EventBus, eventJson, type PostedEvent } from '../engine/index.js';
import { openContainerHost } from './container-host.js';
import { UsageError } from './failure.js';
import { Template, unescaped } from './format-template.js';
import type { StoreFlags } from './image-store.js';
import { InterruptedError, Interruption } from './interruption.js';
import { filtersOf } from './named-things.js';
import { parseTime } from './point-in-time.js';
import { printable } from './printable.js';

export type SystemEventsFlags = StoreFlags &
  Readonly<{ since?: string; until?: string; filter: readonly string[]; format?: string }>;

/** Timers take no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * `berth events`: what happens to containers, images, volumes and networks of this machine, whoever does it; with a time
 * that is past only what was.
 */
export async function showEvents({
  since,
  until,
  filter,
  format,
  ...flags
}: SystemEventsFlags): Promise<void> {
  const filters = checkedFilters(filter);
  const line = lineFormat(format);
  using opened = await openContainerHost(flags);
  const events = new EventBus(opened.host.events);
  const now = Date.now();
  const [sinceNs, untilNs] = [since, until].map((text) => text && nanoseconds(parseTime(text, now)));
  const show = async (event: PostedEvent) => {
    if (!acceptsEvent(filters, event)) return;
    if (!process.stdout.write(`${line(event)}\n`)) await once(process.stdout, 'drain');
  };
  if (untilNs && untilNs <= BigInt(now) * 1_000_000n) {
    for (const event of events.between(sinceNs || 0n, untilNs)) await show(event);
    return;
  }
  using interruption = new Interruption();
  const over = untilNs ? [AbortSignal.timeout(msUntil(untilNs, now))] : [];
  const signal = AbortSignal.any([interruption.signal, ...over]);
  for await (const event of events.follow(sinceNs || undefined, signal)) await show(event);
  // Ctrl-C is how this ends.
  const { reason } = interruption.signal;
  if (interruption.signal.aborted && !(reason instanceof InterruptedError)) throw reason;
}

/** @throws {UsageError} */
function checkedFilters(texts: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const filters = new Map(Object.entries(filtersOf(texts)));
  for (const key of filters.keys())
    if (!EVENT_FILTERS.includes(key))
      throw new UsageError(`no filter ${key}; there are ${EVENT_FILTERS.join(', ')}`);
  return filters;
}

function lineFormat(format: string | undefined): (event: PostedEvent) => string {
  if (format === undefined || format === '') return (event) => printable(eventLine(event));
  if (format === 'json') return (event) => JSON.stringify(eventJson(event));
  const template = new Template(unescaped(format));
  return (event) => template.render(eventJson(event));
}

/** `2026-01-31T12:00:00.000000000Z container start 0123… (image=box, name=web)`. */
function eventLine({ timeNs, type, action, id, attributes }: PostedEvent): string {
  const seconds = new Date(Number(timeNs / 1_000_000n)).toISOString().slice(0, 19);
  const fraction = String(timeNs % 1_000_000_000n).padStart(9, '0');
  const more = Object.keys(attributes)
    .sort()
    .map((name) => `${name}=${attributes[name]}`);
  return `${seconds}.${fraction}Z ${type} ${action} ${id}${more.length > 0 ? ` (${more.join(', ')})` : ''}`;
}

/** @param time of UTC, with nine digits after the second. */
function nanoseconds(time: string): bigint {
  const seconds = BigInt(Date.parse(`${time.slice(0, 19)}Z`)) * 1_000_000n;
  return seconds + BigInt(time.slice(20, 29));
}

function msUntil(untilNs: bigint, now: number): number {
  return Math.min(MAX_TIMER_MS, Number(untilNs / 1_000_000n) - now);
}
