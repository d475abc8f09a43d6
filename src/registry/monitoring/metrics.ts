import { setImmediate } from 'node:timers/promises';
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import type { RepositoryUsage } from '../../index/index.js';
import type { RepositoryName } from '../../oci/index.js';
import type { StorageDriver } from '../../storage/index.js';
import type { EventQueue } from '../events/index.js';
import { type CountedRequest, HttpMetrics, SECONDS, type StartedRequest } from './http-metrics.js';
import { measuredDriver } from './measured-driver.js';
import { NotificationMetrics } from './notification-metrics.js';
import { ProxyMetrics } from './proxy-metrics.js';
import { MAX_REPOSITORIES, OTHER_REPOSITORIES, RepositoryMetrics } from './repository-metrics.js';
import { addVerification, type VerificationSummary } from './verification-metrics.js';

export type MetricsOptions = Readonly<{
  version: string;
  /** Sizes of all repositories; asked for at a scrape, and at most twice a minute. */
  usage: () => Promise<readonly RepositoryUsage[]>;
  /** Whether the index knows all that is stored. */
  indexComplete: () => boolean;
  /** Uploads that were begun and not finished, where somebody counts them. */
  uploadsInProgress?: () => number | Promise<number>;
  /** What the last reading of all that is stored found, if there was one; asked for at most twice a minute. */
  verification?: () => Promise<VerificationSummary | undefined>;
}>;

/** What one process counted; `repositories` is text, the same in all of them. As messages between processes carry it. */
export type Counts = Readonly<{
  series: MetricObjectWithValues<MetricValue<string>>[];
  repositories: string;
}>;

/** What the registry counts, for Prometheus, by the reference registry's names where it has them. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #http: HttpMetrics;
  readonly #storageActions: Histogram<'driver' | 'action'>;
  readonly #pulls: RepositoryCounter;
  readonly #pushes: RepositoryCounter;
  readonly #repositories: RepositoryMetrics;
  readonly #indexErrors: Counter;

  constructor(options: MetricsOptions) {
    const registers = [this.#registry];
    this.#http = new HttpMetrics(this.#registry);
    this.#storageActions = new Histogram({
      name: 'registry_storage_action_seconds',
      help: 'How long actions of the storage take.',
      labelNames: ['driver', 'action'],
      buckets: SECONDS,
      registers,
    });
    this.#pulls = new RepositoryCounter(this.#registry, 'pulls', 'Manifests pulled.');
    this.#pushes = new RepositoryCounter(this.#registry, 'pushes', 'Manifests pushed.');
    this.#repositories = new RepositoryMetrics(options.usage);
    this.#indexErrors = new Counter({
      name: 'berth_metrics_errors_total',
      help: 'Scrapes without the sizes of repositories, since they could not be read.',
      registers,
    });
    addState(this.#registry, options);
    if (options.verification) addVerification(this.#registry, options.verification);
    // Finer timers would wake an idle process a hundred times a second.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 50 });
  }

  /** @param request what changes while it is under way. */
  requestStarted(request: StartedRequest): void {
    this.#http.started(request);
  }

  /** Ends what `requestStarted` began, with the same `started`. */
  requestEnded(started: StartedRequest, request: CountedRequest): void {
    this.#http.ended(started, request);
  }

  /** The same store, with the time that its actions take counted. */
  measured(driver: StorageDriver): StorageDriver {
    return measuredDriver(driver, this);
  }

  /** @returns what to call with the seconds that each such action took. */
  storageAction(driver: string, action: string): (seconds: number) => void {
    const child = this.#storageActions.labels(driver, action);
    return (seconds) => child.observe(seconds);
  }

  pulled(repository: RepositoryName): void {
    this.#pulls.increase(repository);
  }

  pushed(repository: RepositoryName): void {
    this.#pushes.increase(repository);
  }

  /** Counts what copies of other registries save, where there are any. To be called once. */
  copies(): ProxyMetrics {
    return new ProxyMetrics(this.#registry);
  }

  /** Counts events on their way, where any are sent. To be called once. */
  notifications(queue: Pick<EventQueue, 'waiting'>): NotificationMetrics {
    return new NotificationMetrics(this.#registry, queue);
  }

  /** Of what `text` gives. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The same for another process, which adds up what all of them count. */
  async counts(): Promise<Counts> {
    const [series, repositories] = [await this.#registry.getMetricsAsJSON(), await this.#sizes()];
    return { series, repositories };
  }

  /** All metrics in Prometheus's text format. Does not fail when the index does: its metrics are absent then. */
  async text(): Promise<string> {
    const parts: string[] = [];
    for (const { name } of this.#registry.getMetricsAsArray()) {
      parts.push(await this.#registry.getSingleMetricAsString(name));
      await setImmediate(); // thousands of series are not written while requests wait
    }
    return `${parts.join('\n\n')}\n${await this.#sizes()}`;
  }

  #sizes(): Promise<string> {
    return this.#repositories.text().catch(() => {
      this.#indexErrors.inc(); // a series that is absent says more than one that stands still
      return '';
    });
  }
}

/** What several processes counted, as one, in Prometheus's text format. */
export async function mergeCounts(counts: readonly Counts[]): Promise<string> {
  const merged = AggregatorRegistry.aggregate(counts.map(({ series }) => series));
  const sizes = counts.find(({ repositories }) => repositories !== '')?.repositories ?? '';
  return `${await merged.metrics()}\n${sizes}`;
}

/** Of all metrics here. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** Counts by repository, for as many repositories as a scrape should name. */
class RepositoryCounter {
  readonly #counter: Counter<'repository'>;
  readonly #children = new Map<string, Counter.Internal>();

  constructor(registry: Registry, what: 'pulls' | 'pushes', help: string) {
    const name = `berth_repository_${what}_total`;
    this.#counter = new Counter({ name, help, labelNames: ['repository'], registers: [registry] });
  }

  increase(repository: string): void {
    let child = this.#children.get(repository);
    if (child === undefined) {
      const name = this.#children.size < MAX_REPOSITORIES ? repository : OTHER_REPOSITORIES;
      child = this.#counter.labels(name);
      if (name === repository) this.#children.set(name, child);
    }
    child.inc();
  }
}

function addState(registry: Registry, { version, indexComplete, uploadsInProgress }: MetricsOptions): void {
  const registers = [registry];
  const info = {
    name: 'berth_build_info',
    help: 'The version that runs.',
    labelNames: ['version'],
    aggregator: 'first' as const,
    registers,
  };
  new Gauge(info).labels(version).set(1);
  new Gauge({
    name: 'berth_index_complete',
    help: '1 when the index knows all that is stored, 0 while it is being rebuilt.',
    aggregator: 'min',
    registers,
    collect() {
      this.set(indexComplete() ? 1 : 0);
    },
  });
  if (uploadsInProgress === undefined) return;
  new Gauge({
    name: 'berth_uploads_in_progress',
    help: 'Uploads that were begun and not finished.',
    registers,
    async collect() {
      this.set(await uploadsInProgress());
    },
  });
}
