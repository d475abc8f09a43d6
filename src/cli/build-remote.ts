import type { RemoteRequest, RemoteSource, RemoteSources } from '../builder/index.js';
import type { Fetching } from './build-fetching.js';

/** What lies behind URLs. What fetches it is loaded when there is something to fetch. */
export class LazyRemoteSources implements RemoteSources {
  readonly #fetching: Fetching;
  #sources: Promise<RemoteSources> | undefined;

  constructor(fetching: Fetching) {
    this.#fetching = fetching;
  }

  async fetch(request: RemoteRequest): Promise<RemoteSource> {
    this.#sources ??= this.#load();
    return (await this.#sources).fetch(request);
  }

  async #load(): Promise<RemoteSources> {
    const { FetchedSources } = await import('../builder/sources/index.js');
    return new FetchedSources(await this.#fetching.options());
  }
}
