import { Counter, type Registry } from 'prom-client';
import type { CachedKind, CacheObserver } from '../upstreams/index.js';

/** What copies of other registries save, by the reference registry's names. */
export class ProxyMetrics implements CacheObserver {
  readonly #requests: Counter<'type'>;
  readonly #hits: Counter<'type'>;
  readonly #misses: Counter<'type'>;
  readonly #pulledBytes: Counter<'type'>;
  readonly #pushedBytes: Counter<'type'>;

  constructor(registry: Registry) {
    const counter = (what: string, help: string) =>
      new Counter({
        name: `registry_proxy_${what}_total`,
        help,
        labelNames: ['type'] as const,
        registers: [registry],
      });
    this.#requests = counter('requests', 'Requests for what is a copy of another registry.');
    this.#hits = counter('hits', 'Those that were answered from here.');
    this.#misses = counter('misses', 'Those for which the other registry was read.');
    this.#pulledBytes = counter('pulled_bytes', 'Bytes read from other registries.');
    this.#pushedBytes = counter('pushed_bytes', 'Bytes of copies that clients were sent.');
  }

  asked(type: CachedKind, { hit }: { hit: boolean }): void {
    this.#requests.labels(type).inc();
    (hit ? this.#hits : this.#misses).labels(type).inc();
  }

  fetched(type: CachedKind, bytes: number): void {
    this.#pulledBytes.labels(type).inc(bytes);
  }

  sent(type: CachedKind, bytes: number): void {
    this.#pushedBytes.labels(type).inc(bytes);
  }
}
