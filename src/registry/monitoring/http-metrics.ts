import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { FinishedRequest } from '../operations/index.js';

/** A request under way: who answers it is only known once it was looked at. */
export type StartedRequest = { readonly handler: string };

/** The part of a finished request that is counted. */
export type CountedRequest = Pick<
  FinishedRequest,
  'handler' | 'method' | 'status' | 'durationMs' | 'requestBytes' | 'responseBytes'
>;

type Observed = Readonly<{
  total: Counter.Internal;
  duration: Histogram.Internal<string>;
  requestBytes: Histogram.Internal<string>;
  responseBytes: Histogram.Internal<string>;
}>;

export const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const REQUEST_SECONDS = [...SECONDS, 25, 60];
/** 1 KiB to 2 GiB, as in the reference registry. */
const BYTES = Array.from({ length: 22 }, (_, power) => 1024 * 2 ** power);
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** What is counted of requests, by the names and labels of the reference registry. */
export class HttpMetrics {
  readonly #metrics: ReturnType<typeof httpMetrics>;
  readonly #underWay = new Set<StartedRequest>();
  readonly #observed = new Map<string, Observed>();
  readonly #lookups: LookupCounter;

  constructor(registry: Registry) {
    this.#metrics = httpMetrics(registry, this.#underWay);
    this.#lookups = new LookupCounter(registry);
  }

  started(request: StartedRequest): void {
    this.#underWay.add(request);
  }

  ended(started: StartedRequest, request: CountedRequest): void {
    this.#underWay.delete(started);
    const observed = this.#observedAs(request.handler, request.method, request.status);
    observed.total.inc();
    observed.duration.observe(request.durationMs / 1000);
    observed.requestBytes.observe(request.requestBytes);
    observed.responseBytes.observe(request.responseBytes);
    if (request.handler === 'blob' && (request.method === 'GET' || request.method === 'HEAD'))
      this.#lookups.count({ found: request.status !== 404 });
  }

  /** Looking up children by their labels costs more than counting: each combination is looked up once. */
  #observedAs(handler: string, method: string, status: number): Observed {
    const key = `${handler} ${method} ${status}`;
    const known = this.#observed.get(key);
    if (known) return known;
    const name = METHODS.has(method) ? method.toLowerCase() : 'unknown';
    const observed: Observed = {
      total: this.#metrics.total.labels(handler, name, String(status)),
      duration: this.#metrics.duration.labels(handler, name),
      requestBytes: this.#metrics.requestBytes.labels(handler),
      responseBytes: this.#metrics.responseBytes.labels(handler),
    };
    if (METHODS.has(method)) this.#observed.set(key, observed); // strangers can invent methods without end
    return observed;
  }
}

/** Where the reference looks into its cache of blob descriptors, Berth asks its index: by the names of v2 and of v3. */
class LookupCounter {
  readonly #byType: Counter<'type'>;
  readonly #requests: Counter;
  readonly #hits: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    const name = 'registry_storage_cache';
    const help = 'Blobs looked up in the index.';
    this.#byType = new Counter({ name: `${name}_total`, help, labelNames: ['type'], registers });
    this.#requests = new Counter({ name: `${name}_requests_total`, help, registers });
    this.#hits = new Counter({ name: `${name}_hits_total`, help: 'Blobs found in the index.', registers });
  }

  count({ found }: { found: boolean }): void {
    this.#requests.inc();
    if (found) this.#hits.inc();
    for (const type of ['Request', found ? 'Hit' : 'Miss']) this.#byType.inc({ type });
  }
}

function httpMetrics(registry: Registry, underWay: ReadonlySet<StartedRequest>) {
  const registers = [registry];
  const handler = ['handler'] as const;
  const bytes = { labelNames: handler, buckets: BYTES, registers };
  return {
    inFlight: new Gauge({
      name: 'registry_http_in_flight_requests',
      help: 'Requests under way.',
      labelNames: handler,
      registers,
      collect() {
        this.reset();
        for (const request of underWay) this.labels(request.handler).inc();
      },
    }),
    total: new Counter({
      name: 'registry_http_requests_total',
      help: 'Requests answered.',
      labelNames: ['handler', 'method', 'code'] as const,
      registers,
    }),
    duration: new Histogram({
      name: 'registry_http_request_duration_seconds',
      help: 'How long requests take.',
      labelNames: ['handler', 'method'] as const,
      buckets: REQUEST_SECONDS,
      registers,
    }),
    requestBytes: new Histogram({
      name: 'registry_http_request_size_bytes',
      help: 'Sizes of requests.',
      ...bytes,
    }),
    responseBytes: new Histogram({
      name: 'registry_http_response_size_bytes',
      help: 'Sizes of answers.',
      ...bytes,
    }),
  };
}
