import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerHost } from './container-host.js';
import { type ContainerRecord, isAlive } from './container-record.js';
import { checkDelay, type HealthPlan, healthPlanOf, NEW_HEALTH } from './health.js';
import { checkHealth, endLeftCheck } from './health-check.js';
import { readHealthLog } from './health-log.js';

/** Other processes start containers too, and tell nobody: so often somebody looks. */
const LOOK_AGAIN_MS = 200;
const PAUSED_MS = 1000;

type WatchOptions = Readonly<{
  signal: AbortSignal;
  /** Told when a container cannot be checked any more. */
  onFailure: (id: string, error: unknown) => void;
}>;

/**
 * Checks all containers that want it, whoever started them, until the signal: one process at a time does, others wait for
 * its end. What it has found is in their state and their log, so the next one goes on where it stopped.
 */
export async function watchHealth(host: ContainerHost, { signal, onFailure }: WatchOptions): Promise<void> {
  using _duty = await host.takeHealthDuty(signal);
  const watches = new Map<string, AbortController>();
  const ends = new Set<Promise<void>>();
  const begin = (record: ContainerRecord) => {
    const plan = healthPlanOf(record.config);
    if (plan === undefined || !isAlive(record)) return;
    const over = new AbortController();
    watches.set(record.id, over);
    const until = AbortSignal.any([signal, over.signal]);
    const end = checkUntilEnd(host, record, plan, until)
      .catch((error: unknown) => {
        if (!until.aborted) onFailure(record.id, error);
      })
      .finally(() => ends.delete(end));
    ends.add(end);
  };
  let { last } = host.events;
  for (const record of await host.list()) begin(record);
  while (!signal.aborted) {
    for (const { number, action, actor } of host.events.after(last)) {
      last = number;
      if (!['start', 'die', 'destroy'].includes(action)) continue;
      watches.get(actor)?.abort();
      watches.delete(actor);
      const record = action === 'start' ? await host.get(actor).catch(() => undefined) : undefined;
      if (record !== undefined) begin(record);
    }
    await sleep(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {}); // over: the loop ends
  }
  await Promise.all(ends);
}

async function checkUntilEnd(
  host: ContainerHost,
  { id, state: { startedAt = '' } }: ContainerRecord,
  plan: HealthPlan,
  signal: AbortSignal,
): Promise<void> {
  await endLeftCheck(host, id);
  for (;;) {
    const record = await host.get(id);
    if (!isAlive(record) || record.state.startedAt !== startedAt) return;
    const wait = dueIn(host, record, plan);
    if (record.state.status === 'paused' || wait > 0) {
      await sleep(Math.max(wait, record.state.status === 'paused' ? PAUSED_MS : 0), undefined, { signal });
      continue; // it may be paused now, or ended
    }
    host.noteHealth(record, await checkHealth(host, record, plan, signal));
  }
}

/** Milliseconds until the next check: from the end of the last one, or from the start. */
function dueIn(host: ContainerHost, { id, state }: ContainerRecord, plan: HealthPlan): number {
  const startMs = Date.parse(state.startedAt ?? '');
  const lastMs = Date.parse(readHealthLog(host.folder(id)).at(-1)?.End ?? '') || startMs;
  const now = Date.now();
  return lastMs + checkDelay(state.health ?? NEW_HEALTH, plan, now - startMs) - now;
}
