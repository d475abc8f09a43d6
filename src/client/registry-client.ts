import type { RepositoryName } from '../oci/index.js';
import { Proxies } from '../proxy/index.js';
import { logIn } from './auth/log-in.js';
import { CATALOG_SCOPE, repositoryScope } from './auth/scope.js';
import type { Contact } from './contact.js';
import type { CredentialSource, Credentials } from './credentials/credentials.js';
import type { HttpAnswer } from './http/answer.js';
import type { Method, OutgoingBody } from './http/exchange.js';
import { RetryPolicy } from './http/retry-policy.js';
import { readPages } from './paging.js';
import { RegistryHost } from './registry-host.js';
import { type ListOptions, Repository } from './repository.js';
import type { TrustFolders } from './trust-folders.js';

export type RegistryClientOptions = Readonly<{
  credentials: CredentialSource;
  trust: TrustFolders;
  /** Registries whose certificate may be anything, and that may speak plain http. Loopback addresses always may. */
  insecure?: (registry: string) => boolean;
  /** Registries that are asked by plain http only. */
  plainHttp?: (registry: string) => boolean;
  /** Where HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY are; none by default. */
  proxyEnv?: NodeJS.ProcessEnv;
  userAgent?: string;
  /** How often a request is sent again before it fails. */
  retries?: number;
  /** The first pause before sending again; each further one is twice as long. */
  retryBaseMs?: number;
  /** A registry that wants us to stay away for longer is not waited for. */
  maxRetryAfterMs?: number;
  /** A connection on which nothing moves for so long is given up. */
  silenceMs?: number;
  /** Ends everything. */
  signal?: AbortSignal;
}>;

/** A request of the API; `actions` are those in `repository` that it needs. */
export type Probe = Readonly<{
  method: Method;
  /** From the root of the registry on. */
  target: string;
  repository?: string;
  actions?: readonly string[];
  headers?: Readonly<Record<string, string>>;
  body?: OutgoingBody;
  signal?: AbortSignal;
}>;

const ANY_STATUS = Array.from({ length: 500 }, (_, i) => 100 + i);

/** All registries, by name. Connections and tokens are kept, so one client should serve a whole command. */
export class RegistryClient implements AsyncDisposable {
  readonly #options: RegistryClientOptions;
  readonly #hosts = new Map<string, RegistryHost>();

  constructor(options: RegistryClientOptions) {
    this.#options = options;
  }

  /** @param registry `host[:port]` as in the names of images; `docker.io` is known by its other name. */
  repository(registry: string, name: RepositoryName): Repository {
    return new Repository(this.#host(registry), name);
  }

  /**
   * One request with authorization, and its answer whatever that is: for who wants to see how a registry is reached. It is
   * sent once.
   * @throws {UnreachableError} no answer. @throws {UnauthorizedError} the token service does not take the credentials.
   */
  ask(registry: string, { actions = [], repository, ...request }: Probe): Promise<HttpAnswer> {
    const scopes = repository === undefined ? [] : [repositoryScope(repository, ...actions)];
    const what = `asking ${registry} for ${request.target}`;
    const whose = repository === undefined ? {} : { repository };
    return this.#host(registry).send({
      ...request,
      ...whose,
      scopes,
      what,
      expect: ANY_STATUS,
      retry: false,
    });
  }

  /** How the registry answered the first time, as nobody. @throws {UnreachableError} no answer. */
  contact(registry: string, options: { signal?: AbortSignal } = {}): Promise<Contact> {
    return this.#host(registry).reach(options.signal);
  }

  /** Finds out whether a registry answers there, and takes the credentials. */
  async ping(registry: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#host(registry).checkAccess(options);
  }

  /**
   * The names of all repositories that the registry lets the caller see, page by page.
   * @param options `namespace`: those below it only, and its credentials.
   */
  async *catalog(
    registry: string,
    { namespace, ...options }: ListOptions & { namespace?: RepositoryName } = {},
  ): AsyncGenerator<string> {
    const what = `listing the repositories of ${registry}`;
    const list = { path: '/v2/_catalog', member: 'repositories', scopes: [CATALOG_SCOPE], what };
    const own = namespace === undefined ? list : { ...list, repository: namespace };
    for await (const name of readPages(this.#host(registry), own, options)) {
      if (namespace === undefined || name === namespace || name.startsWith(`${namespace}/`)) yield name;
    }
  }

  /**
   * Tries credentials on the registry, whatever is saved.
   * @returns what to save: a refresh token instead of the password where the registry gives one.
   * @throws {UnauthorizedError} wrong ones.
   */
  async logIn(
    registry: string,
    credentials: Credentials,
    options: { signal?: AbortSignal } = {},
  ): Promise<Credentials> {
    return logIn((tried) => this.#open(registry, { find: async () => tried }), credentials, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts.values()) host.close();
    this.#hosts.clear();
  }

  #host(registry: string): RegistryHost {
    const known = this.#hosts.get(registry);
    if (known !== undefined) return known;
    const host = this.#open(registry, this.#options.credentials);
    this.#hosts.set(registry, host);
    return host;
  }

  #open(registry: string, credentials: CredentialSource): RegistryHost {
    const { trust, insecure, plainHttp, proxyEnv, userAgent, silenceMs, signal } = this.#options;
    const { retries, retryBaseMs, maxRetryAfterMs } = this.#options;
    return new RegistryHost(registry, {
      credentials,
      trust,
      insecure: insecure?.(registry) ?? false,
      plainHttp: plainHttp?.(registry) ?? false,
      proxies: new Proxies(proxyEnv ?? {}),
      userAgent: userAgent ?? 'berth',
      retry: new RetryPolicy({ retries, baseMs: retryBaseMs, maxRetryAfterMs }),
      silenceMs: silenceMs ?? 60_000,
      signal,
    });
  }
}
