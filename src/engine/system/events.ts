import type { Handler } from '../call.js';
import { EngineError } from '../errors.js';
import { eventJson } from '../events/event.js';
import { acceptsEvent, EVENT_FILTERS } from '../events/event-filter.js';
import { JsonStream } from '../json-stream.js';
import { filtersOf, textOf } from '../query.js';

/** Timers take no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** `docker events`: what was, as far as it is kept, and what comes, until the client has seen enough. */
export const events: Handler = async (engine, { query, answer, signal, stopping }) => {
  const filters = filtersOf(query, EVENT_FILTERS);
  const [sinceNs, untilNs] = [timeOf(query, 'since'), timeOf(query, 'until')];
  const stream = new JsonStream(answer);
  stream.begin();
  const nowNs = BigInt(Date.now()) * 1_000_000n;
  if (untilNs !== undefined && untilNs <= nowNs) {
    const past = engine.events.between(sinceNs ?? 0n, untilNs);
    for (const event of past) if (acceptsEvent(filters, event)) stream.write(eventJson(event));
    return stream.end();
  }
  const over = untilNs === undefined ? [] : [AbortSignal.timeout(msUntil(untilNs, nowNs))];
  const end = AbortSignal.any([signal, stopping, ...over]);
  for await (const event of engine.events.follow(sinceNs, end)) {
    if (!acceptsEvent(filters, event)) continue;
    stream.write(eventJson(event));
    await stream.drained(end).catch(() => {}); // over: the loop ends
  }
  stream.end();
};

function msUntil(untilNs: bigint, nowNs: bigint): number {
  return Math.min(MAX_TIMER_MS, Number((untilNs - nowNs) / 1_000_000n));
}

/** Seconds since 1970, with up to nine digits after the point. @throws {EngineError} 400 */
function timeOf(query: URLSearchParams, key: string): bigint | undefined {
  const text = textOf(query, key);
  if (text === undefined) return undefined;
  const [, seconds, fraction = ''] = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (seconds !== undefined) return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new EngineError(400, `${key} is no time: ${JSON.stringify(text)}`);
  return BigInt(time) * 1_000_000n;
}
