import type { GivenCredentials } from './build-credentials.js';
import { openFetchTrust } from './build-trust.js';

type Parts = Readonly<{
  temporaryDirectory: () => string;
  credentials: GivenCredentials;
  /** Of `--ca`. */
  ca: string | undefined;
}>;

type FetchingOptions = Readonly<{
  temporaryDirectory: string;
  /** Of git. */
  env: NodeJS.ProcessEnv;
  proxyEnv: NodeJS.ProcessEnv;
  /** In PEM. */
  authorities: readonly string[];
  /** Ids and values that http and git may need. */
  secrets: ReadonlyMap<string, string>;
}>;

/** How contexts and sources of ADD are fetched. Found out when there is something to fetch. */
export class Fetching {
  readonly #parts: Parts;
  #options: Promise<FetchingOptions> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  options(): Promise<FetchingOptions> {
    this.#options ??= this.#find();
    return this.#options;
  }

  async #find(): Promise<FetchingOptions> {
    const { temporaryDirectory, credentials, ca } = this.#parts;
    const { env } = process;
    const { authorities, file } = await openFetchTrust({ ca, env, temporaryDirectory });
    return {
      temporaryDirectory: temporaryDirectory(),
      env: { ...env, ...(file !== undefined && { GIT_SSL_CAINFO: file }) },
      proxyEnv: env,
      authorities,
      secrets: await credentials.forFetching(),
    };
  }
}
