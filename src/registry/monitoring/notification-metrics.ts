import { STATUS_CODES } from 'node:http';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { DeliveryObserver, EventQueue } from '../events/index.js';

/** What becomes of events, by the names and labels of v3 of the reference registry. */
export class NotificationMetrics implements DeliveryObserver {
  readonly #events: Counter<'type' | 'endpoint'>;
  readonly #statuses: Counter<'code' | 'endpoint'>;

  constructor(registry: Registry, queue: Pick<EventQueue, 'waiting'>) {
    const registers = [registry];
    this.#events = new Counter({
      name: 'registry_notifications_events_total',
      help: 'Events that came, and posts of them by how they ended.',
      labelNames: ['type', 'endpoint'],
      registers,
    });
    this.#statuses = new Counter({
      name: 'registry_notifications_status_total',
      help: 'Answers of receivers by their status.',
      labelNames: ['code', 'endpoint'],
      registers,
    });
    new Gauge({
      name: 'registry_notifications_pending_total',
      help: 'Events that wait in the queue.',
      labelNames: ['endpoint'],
      registers,
      async collect() {
        // A series that is absent says more than one that stands still.
        this.reset();
        for (const [endpoint, count] of await queue.waiting().catch(() => []))
          this.labels(endpoint).set(count);
      },
    });
  }

  queued(endpoint: string, events: number): void {
    this.#events.labels('Events', endpoint).inc(events);
  }

  answered(endpoint: string, { status, accepted }: Readonly<{ status: number; accepted: boolean }>): void {
    this.#statuses.labels(`${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(), endpoint).inc();
    this.#events.labels(accepted ? 'Successes' : 'Failures', endpoint).inc();
  }

  failed(endpoint: string): void {
    this.#events.labels('Errors', endpoint).inc();
  }
}
