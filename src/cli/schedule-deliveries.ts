import { closeSync, openSync } from 'node:fs';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { tryFlock } from '../linux/index.js';
import type { Locks } from '../locks/index.js';
import type { Config } from '../registry/config/index.js';
import type { DeliveryLoop } from '../registry/events/index.js';
import type { Logger } from '../registry/logger.js';
import { lead } from './lead.js';
import type { Notifications } from './notifications.js';
import { repeat } from './schedule.js';

const PRUNE = { first: 10_000, interval: 60_000 };
/** How soon another process takes over from one that has ended. */
const TAKE_OVER_MS = 1000;

type Parts = Pick<Notifications, 'queue' | 'place'> &
  Readonly<{
    loops: readonly Pick<DeliveryLoop, 'run'>[];
    /** Between those that share the database. */
    locks: Locks | undefined;
    log: Logger;
  }>;

/**
 * Delivers events, and forgets what was delivered long ago, until `signal`. Of the processes that share a queue one does it at a
 * time, or receivers would get events twice and out of order.
 */
export async function scheduleDeliveries(config: Config, parts: Parts, signal: AbortSignal): Promise<void> {
  const { place, locks, log } = parts;
  if (place === 'database' && locks)
    return lead({ locks, log, key: 'deliver events' }, signal, [(until) => deliverAll(config, parts, until)]);
  using turn = await takeTurn(parts, signal);
  if (turn) await deliverAll(config, parts, signal);
}

async function deliverAll(config: Config, parts: Parts, signal: AbortSignal): Promise<void> {
  await Promise.all([
    ...parts.loops.map((loop) => loop.run(signal)),
    repeat(PRUNE, signal, () => prune(config, parts)),
  ]);
}

async function prune({ berth }: Config, { queue, log }: Parts): Promise<void> {
  const { keep, maxkept: most } = berth.notifications;
  try {
    while (await queue.prune({ since: new Date(Date.now() - keep), most })) await setImmediate();
  } catch (error) {
    log.warn({ error }, 'old events could not be forgotten');
  }
}

/** @returns what gives it up again; `undefined` once the signal has aborted. */
async function takeTurn({ place, log }: Parts, signal: AbortSignal): Promise<Disposable | undefined> {
  if (typeof place === 'string') return { [Symbol.dispose]() {} };
  try {
    const fd = openSync(`${place.file}.lock`, 'a');
    while (!signal.aborted) {
      if (tryFlock(fd, 'exclusive')) return { [Symbol.dispose]: () => closeSync(fd) };
      await sleep(TAKE_OVER_MS, undefined, { signal, ref: false }).catch(() => {});
    }
    closeSync(fd);
    return undefined;
  } catch (error) {
    log.warn({ error }, 'the queue of events cannot be locked: see that no other process delivers from it');
    return { [Symbol.dispose]() {} };
  }
}
