import { type EventQueue, type KeptEvent, wants } from '../registry/events/index.js';
import { readConfig } from './config.js';
import { parseDays } from './duration-option.js';
import { openExistingQueue } from './event-queue.js';
import type { EventsFlags } from './events-command.js';
import { UsageError } from './failure.js';
import { endpointsOf } from './notification-endpoints.js';
import { textTable, timeCell } from './text-table.js';

const PAGE = 1000;
const COLUMNS = ['ID', 'TIME', 'ACTION', 'REPOSITORY', 'WHAT', 'ENDPOINT', 'DELIVERED'] as const;

/** `berth events list`: a table for people, or JSON. */
export async function listEvents(
  flags: EventsFlags & Readonly<{ waiting?: boolean; json?: boolean; quiet?: boolean }>,
): Promise<void> {
  const since = sinceOf(flags);
  const { config } = await readConfig(flags.config, process.env);
  await using queue = await openExistingQueue(config, process.env);
  const rows: (readonly string[])[] = [];
  for await (const event of eventsOf(queue, since)) {
    const deliveries = event.deliveries.filter(
      ({ endpoint, deliveredAt }) =>
        (flags.endpoint === undefined || endpoint === flags.endpoint) && !(flags.waiting && deliveredAt),
    );
    if (deliveries.length === 0) continue;
    if (flags.quiet) process.stdout.write(`${event.id}\n`);
    else if (flags.json)
      process.stdout.write(`${JSON.stringify({ ...event, seq: undefined, deliveries })}\n`);
    else rows.push(...deliveries.map((delivery) => cellsOf(event, delivery)));
  }
  if (!flags.json && !flags.quiet) process.stdout.write(textTable([COLUMNS, ...rows]));
}

/** `berth events replay`. */
export async function replayEvents(ids: readonly string[], flags: EventsFlags): Promise<void> {
  const since = sinceOf(flags);
  if (ids.length === 0 && since === undefined) throw new UsageError('say which: ids of events, or --since');
  const { config } = await readConfig(flags.config, process.env);
  const all = (await endpointsOf(config)).filter(({ disabled }) => !disabled);
  const endpoints = all.filter(({ name }) => flags.endpoint === undefined || name === flags.endpoint);
  if (endpoints.length === 0)
    throw new Error(`there is no endpoint ${flags.endpoint ?? 'that events go to'}`);
  await using queue = await openExistingQueue(config, process.env);
  const missing = new Set(ids);
  const chosen: KeptEvent[] = [];
  for await (const event of eventsOf(queue, since)) {
    if (ids.length > 0 && !missing.delete(event.id)) continue;
    chosen.push(event);
  }
  if (missing.size > 0) throw new Error(`no such event is kept: ${[...missing].join(', ')}`);
  const waiting = await queue.waiting();
  for (const endpoint of endpoints) {
    const seqs = chosen.filter((event) => wants(endpoint, event)).map(({ seq }) => seq);
    const room = endpoint.maxWaiting - (waiting.get(endpoint.name) ?? 0);
    if (seqs.length > room)
      throw new Error(
        `${seqs.length} events are more than ${endpoint.name} has room for (berth.notifications.maxwaiting): ${room}`,
      );
    const count = await queue.again(endpoint.name, seqs);
    process.stdout.write(`${count} ${count === 1 ? 'event' : 'events'} to ${endpoint.name} again\n`);
  }
}

async function* eventsOf(queue: EventQueue, since: Date | undefined): AsyncGenerator<KeptEvent> {
  for (let after = 0; ; ) {
    const page = await queue.list({ since, after, limit: PAGE });
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.seq ?? 0;
  }
}

/** So long ago, or at that time. */
function sinceOf({ since }: EventsFlags): Date | undefined {
  if (since === undefined) return undefined;
  const at = /^\d{4}-/.test(since) ? new Date(since) : new Date(Date.now() - parseDays('--since', since));
  if (Number.isNaN(at.getTime())) throw new UsageError(`--since: ${since} is no time`);
  return at;
}

function cellsOf(event: KeptEvent, { endpoint, deliveredAt }: KeptEvent['deliveries'][number]): string[] {
  const what = event.tag ?? event.digest ?? '-';
  const delivered = deliveredAt ? timeCell(deliveredAt) : 'waits';
  return [event.id, timeCell(event.at), event.action, event.repository, what, endpoint, delivered];
}
