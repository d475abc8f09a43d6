/**
 * What was done to the registry, told to other programs: the reference registry's notifications, from a queue that outlives
 * the process. Knows no routes. Start with notifier.ts for the way in, delivery-loop.ts for the way out.
 */
export type { Deed } from './deed.js';
export { DeliveryLoop, type DeliveryObserver } from './delivery-loop.js';
export { type Endpoint, wants } from './endpoint.js';
export { type EventSource, eventOf, type Request as EventRequest } from './event.js';
export type { AddressedEvent, EventQueue, KeptEvent } from './event-queue.js';
export { Notifier } from './notifier.js';
export { PostgresQueue, QUEUE_TABLES } from './postgres-queue.js';
export { isDamaged, setAside } from './queue-file.js';
export { Sender } from './sender.js';
export { signatureOf } from './signature.js';
export { SqliteQueue } from './sqlite-queue.js';
