import { findGitUrl, type RemoteRequest, type RemoteSource, type RemoteSources } from '../builder/index.js';

type Parts = Readonly<{
  temporaryDirectory: () => string;
  secrets: () => Promise<ReadonlyMap<string, string>>;
}>;

/** What lies behind URLs. What fetches it is loaded when there is something to fetch. */
export class LazyRemoteSources implements RemoteSources {
  readonly #parts: Parts;
  #sources: Promise<RemoteSources> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  isRemote(source: string): boolean {
    return /^https?:\/\//i.test(source) || findGitUrl(source) !== undefined;
  }

  async fetch(request: RemoteRequest): Promise<RemoteSource> {
    this.#sources ??= this.#load();
    return (await this.#sources).fetch(request);
  }

  async #load(): Promise<RemoteSources> {
    const { FetchedSources } = await import('../builder/sources/index.js');
    return new FetchedSources({
      temporaryDirectory: this.#parts.temporaryDirectory(),
      env: process.env,
      proxyEnv: process.env,
      secrets: await this.#parts.secrets(),
    });
  }
}
