import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Config, parseAddress } from '../registry/config/index.js';
import {
  DeliveryLoop,
  type DeliveryObserver,
  type Endpoint,
  type EventQueue,
  type EventSource,
  Notifier,
  Sender,
} from '../registry/events/index.js';
import type { Logger } from '../registry/logger.js';
import type { StorageDriver } from '../storage/index.js';
import { openQueue, type QueuePlace, queuePlace } from './event-queue.js';
import { endpointsOf } from './notification-endpoints.js';

/** Events on their way, from what was done to those who are told. */
export type Notifications = AsyncDisposable &
  Readonly<{
    notifier: Notifier;
    queue: EventQueue;
    place: QueuePlace;
    loops: readonly DeliveryLoop[];
  }>;

type Parts = Readonly<{
  log: Logger;
  /** Of the registry's files. */
  driver: StorageDriver;
  /** Asked once the queue is there, whose lengths it may show. */
  observer?: (queue: Pick<EventQueue, 'waiting'>) => DeliveryObserver | undefined;
}>;

/** @throws {Error} naming the key of what cannot be used. */
export async function openNotifications(
  config: Config,
  { log, driver, observer }: Parts,
): Promise<Notifications> {
  const endpoints = await endpointsOf(config);
  const place = queuePlace(config, process.env);
  const queue = await openQueue(config, place, { log, driver });
  const watching = observer?.(queue);
  const active = endpoints.filter(({ disabled }) => !disabled);
  const senders = new Map(active.map((endpoint) => [endpoint, new Sender(endpoint, process.env)]));
  const loops = new Map<string, DeliveryLoop>();
  for (const [endpoint, sender] of senders)
    loops.set(endpoint.name, new DeliveryLoop(endpoint, { queue, sender, log, observer: watching }));
  const notifier = new Notifier({
    queue,
    endpoints,
    source: sourceOf(config),
    references: config.notifications.events.includereferences,
    log,
    observer: watching,
    onQueued: (names) => {
      for (const name of names) loops.get(name)?.wake();
    },
  });
  await forgetOthers(queue, endpoints, log);
  return {
    notifier,
    queue,
    place,
    loops: [...loops.values()],
    async [Symbol.asyncDispose]() {
      await notifier[Symbol.asyncDispose]();
      for (const sender of senders.values()) sender[Symbol.dispose]();
      await queue.close();
    },
  };
}

/** What waits for an endpoint that is no more would wait for ever. */
async function forgetOthers(queue: EventQueue, endpoints: readonly Endpoint[], log: Logger): Promise<void> {
  try {
    for (const [endpoint, events] of await queue.retain(endpoints.map(({ name }) => name)))
      log.warn({ endpoint, events }, 'events for an endpoint that is configured no more are given up');
  } catch (error) {
    log.warn({ error }, 'the queue of events cannot be looked through now');
  }
}

/** As the reference registry calls itself: the name of the machine, with the port of `http.addr`. */
function sourceOf({ http }: Config): EventSource {
  const port = http.net === 'tcp' ? parseAddress(http.addr)?.port : undefined;
  return { addr: port === undefined ? hostname() : `${hostname()}:${port}`, instanceID: randomUUID() };
}
