import type { RepositoryUsage } from '../../index/index.js';

/** Most repositories with series of their own. */
export const MAX_REPOSITORIES = 2000;
/** Stands for all others. No repository can be called so. */
export const OTHER_REPOSITORIES = '_other';

const MAX_AGE_MS = 30_000;

type Sizes = Readonly<{ repository: string; bytes: number; manifests: number; tags: number }>;

const FAMILIES = [
  { key: 'bytes', help: 'Bytes of blobs and manifests, each counted once in a repository.' },
  { key: 'manifests', help: 'Manifests in a repository.' },
  { key: 'tags', help: 'Tags in a repository.' },
] as const;

/**
 * Sizes of repositories, as they were at most half a minute ago, in Prometheus's text format. Written by hand: setting
 * thousands of gauges for each scrape would hold up requests for milliseconds.
 */
export class RepositoryMetrics {
  readonly #usage: () => Promise<readonly RepositoryUsage[]>;
  readonly #now: () => number;
  #text = '';
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<string> | undefined;

  constructor(usage: () => Promise<readonly RepositoryUsage[]>, now = () => performance.now()) {
    this.#usage = usage;
    this.#now = now;
  }

  /**
   * Several scrapes at a time share one answer.
   * @throws what the index throws; nothing is kept then.
   */
  text(): Promise<string> {
    if (this.#now() - this.#readAt < MAX_AGE_MS) return Promise.resolve(this.#text);
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<string> {
    const sizes = largest(await this.#usage());
    this.#readAt = this.#now();
    this.#text = FAMILIES.map(({ key, help }) => family(`berth_repository_${key}`, help, key, sizes)).join(
      '',
    );
    return this.#text;
  }
}

/** Names of repositories hold nothing that the format would have escaped. */
function family(
  name: string,
  help: string,
  key: (typeof FAMILIES)[number]['key'],
  sizes: readonly Sizes[],
): string {
  const series = sizes.map((each) => `${name}{repository="${each.repository}"} ${each[key]}\n`);
  return `\n# HELP ${name} ${help}\n# TYPE ${name} gauge\n${series.join('')}`;
}

function largest(usage: readonly RepositoryUsage[]): readonly Sizes[] {
  if (usage.length <= MAX_REPOSITORIES) return usage;
  const bySize = usage.toSorted((a, b) => b.bytes - a.bytes);
  const other = { repository: OTHER_REPOSITORIES, bytes: 0, manifests: 0, tags: 0 };
  for (const { bytes, manifests, tags } of bySize.slice(MAX_REPOSITORIES)) {
    other.bytes += bytes;
    other.manifests += manifests;
    other.tags += tags;
  }
  return [...bySize.slice(0, MAX_REPOSITORIES), other];
}
