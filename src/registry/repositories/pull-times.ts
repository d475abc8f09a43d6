import type { ManifestKey, MetadataIndex, Pull } from '../../index/index.js';
import type { RepositoryName } from '../../oci/index.js';
import type { Logger } from '../logger.js';

const FLUSH_MS = 5000;

/** When things were last pulled: gathered here and written together, since pulls must not wait for it. */
export class PullTimes implements AsyncDisposable {
  readonly #index: MetadataIndex;
  readonly #log: Logger;
  readonly #now: () => Date;
  readonly #remember: boolean;
  readonly #pulls = new Map<string, Pull>();
  readonly #timer: NodeJS.Timeout;

  /** @param options `remember: false` gathers nothing, where nobody wants to know. */
  constructor(index: MetadataIndex, log: Logger, options: { now: () => Date; remember: boolean }) {
    this.#index = index;
    this.#log = log;
    this.#now = options.now;
    this.#remember = options.remember;
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  record(repository: RepositoryName, key: ManifestKey): void {
    if (!this.#remember) return;
    const name = 'tag' in key ? key.tag : key.digest;
    this.#pulls.set(`${repository} ${name}`, { repository, key, at: this.#now() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** Writes what was gathered. */
  async flush(): Promise<void> {
    if (this.#pulls.size === 0) return;
    const pulls = [...this.#pulls.values()];
    this.#pulls.clear();
    try {
      await this.#index.recordPulls(pulls);
    } catch (error) {
      this.#log.warn({ error, pulls: pulls.length }, 'times of pulls were lost');
    }
  }
}
