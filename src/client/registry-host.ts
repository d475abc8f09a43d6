import type { Proxies } from '../proxy/index.js';
import { Authorizer } from './auth/authorizer.js';
import { parseChallenges } from './auth/challenge.js';
import type { Scope } from './auth/scope.js';
import { type Contact, makeContact } from './contact.js';
import type { CredentialSource } from './credentials/credentials.js';
import { RegistryError, TrustError } from './errors.js';
import type { HttpAnswer } from './http/answer.js';
import { type HttpRequest, type Method, type OutgoingBody, SourceError } from './http/exchange.js';
import { explainNetworkError, isTransient } from './http/network-errors.js';
import type { RetryPolicy } from './http/retry-policy.js';
import { Transport } from './http/transport.js';
import { failedAnswer } from './problems.js';
import { isLoopback, originsOf } from './registry-address.js';
import type { TrustFolders } from './trust-folders.js';

export type RegistryHostOptions = Readonly<{
  credentials: CredentialSource;
  trust: TrustFolders;
  insecure: boolean;
  plainHttp: boolean;
  proxies: Proxies;
  userAgent: string;
  retry: RetryPolicy;
  silenceMs: number;
  signal: AbortSignal | undefined;
}>;

/** A request of the registry API. */
export type ApiRequest = Readonly<{
  method: Method;
  /** From the root of the registry on, with query; or a URL that the registry gave us. */
  target: string | URL;
  /** Whose credentials it takes; otherwise those of the registry as a whole. */
  repository?: string;
  /** What it does, for messages: `reading manifest v1 of reg.example/app`. */
  what: string;
  scopes: readonly Scope[];
  /** Statuses that are no failure. */
  expect: readonly number[];
  headers?: Readonly<Record<string, string>>;
  body?: OutgoingBody;
  /** A caller that knows better how to go on after a failure sends it once. */
  retry?: boolean;
  answerMs?: number;
  signal?: AbortSignal | undefined;
  /** Cleans up: goes out after everything was ended too, and `signal` alone bounds it. */
  outlives?: true;
}>;

/** Bounds a token that cleaning up needs when everything was ended. */
const LAST_TOKEN_MS = 2000;

/** One registry: finds out how it wants to be spoken to, and sends requests with authorization and retries. */
export class RegistryHost {
  readonly registry: string;
  readonly retry: RetryPolicy;
  readonly #options: RegistryHostOptions;
  readonly #transport: Transport;
  /** Credentials may differ between repositories, and so may tokens. */
  readonly #authorizers = new Map<string | undefined, Authorizer>();
  #contact: Promise<Contact> | undefined;

  constructor(registry: string, options: RegistryHostOptions) {
    this.registry = registry;
    this.retry = options.retry;
    this.#options = options;
    this.#transport = new Transport({
      registry,
      trust: options.trust,
      insecure: this.#insecure,
      proxies: options.proxies,
      userAgent: options.userAgent,
      silenceMs: options.silenceMs,
    });
  }

  /**
   * Sends until there is an answer with an expected status.
   * @throws {RegistryError} any other answer. @throws {UnreachableError} none. @throws {SourceError}
   */
  async send(request: ApiRequest): Promise<HttpAnswer> {
    const signal = request.outlives ? request.signal : this.#signalOf(request.signal);
    const contact = await this.#reach(signal);
    const url = this.#urlOf(request.target, contact.origin);
    const answer =
      url.host === contact.origin.host
        ? await this.#sendAuthorized({ ...request, signal }, url, contact)
        : await this.#sendPatiently({ ...httpRequest(request, url), signal }, request.retry);
    if (request.expect.includes(answer.status)) return answer;
    throw await this.#failure(answer, request);
  }

  /** @throws {UnauthorizedError} the registry does not let the caller in. @throws {RegistryError} it is none. */
  async checkAccess(options: { signal?: AbortSignal }): Promise<void> {
    const answer = await this.send({
      method: 'GET',
      target: '/v2/',
      what: `asking ${this.registry} for its API`,
      scopes: [],
      expect: [200, 404],
      ...options,
    });
    await answer.discard();
    if (answer.status === 200) return;
    throw new RegistryError(`${this.registry} is not a registry: there is no /v2/`, {
      registry: this.registry,
      status: answer.status,
    });
  }

  /** How it answered the first time. @throws {UnreachableError} */
  reach(signal: AbortSignal | undefined): Promise<Contact> {
    return this.#reach(this.#signalOf(signal));
  }

  async requestRefreshToken(options: { signal?: AbortSignal }): Promise<string | undefined> {
    const contact = await this.#reach(this.#signalOf(options.signal));
    return this.#authorizerOf(undefined, contact).requestRefreshToken();
  }

  close(): void {
    this.#transport.close();
  }

  get #insecure(): boolean {
    return this.#options.insecure || this.#options.plainHttp || isLoopback(this.registry);
  }

  async #sendAuthorized(request: ApiRequest, url: URL, contact: Contact): Promise<HttpAnswer> {
    const authorizer = this.#authorizerOf(request.repository, contact);
    const send = (header: string | undefined) =>
      this.#sendPatiently(httpRequest(request, url, header), request.retry);
    let authorization = await unlessAborted(authorizer.authorize(request.scopes), request.signal);
    let answer = await send(authorization.header);
    // Twice: the first challenge may be about the way in, the second about the scopes. Where the registry has redirected
    // us to another host, that one's challenge is none of the registry: who answers it tells a stranger the password.
    for (let attempt = 0; answer.status === 401 && answer.url.host === url.host && attempt < 2; attempt++) {
      const challenges = parseChallenges(answer.headerLines('www-authenticate'));
      const again = authorizer.reauthorize(challenges, request.scopes, authorization);
      const next = await unlessAborted(again, request.signal);
      if (next === undefined) break;
      await answer.discard();
      authorization = next;
      answer = await send(authorization.header);
    }
    return answer;
  }

  /** Again and again while the failure is one that passes. */
  async #sendPatiently(request: HttpRequest, retry = true): Promise<HttpAnswer> {
    const { signal } = request;
    for (let failures = 1; ; failures++) {
      let retryAfter: string | undefined;
      try {
        const answer = await this.#transport.send(request);
        if (!retry || !this.retry.isTransient(answer.status)) return answer;
        retryAfter = answer.header('retry-after');
        if (!(await this.retry.pause(failures, retryAfter, signal))) return answer;
        await answer.discard();
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof SourceError || error instanceof TrustError) throw error;
        if (!retry || !isTransient(error) || !(await this.retry.pause(failures, undefined, signal))) {
          throw explainNetworkError(error, this.registry, request.url);
        }
      }
    }
  }

  /** One contact for everybody; a failed one is tried again by whoever comes next. */
  async #reach(signal: AbortSignal | undefined): Promise<Contact> {
    signal?.throwIfAborted();
    this.#contact ??= this.#makeContact().catch((error: unknown) => {
      this.#contact = undefined;
      throw error;
    });
    return unlessAborted(this.#contact, signal);
  }

  #makeContact(): Promise<Contact> {
    const { insecure, plainHttp, signal } = this.#options;
    const origins = originsOf(this.registry, { insecure, plainHttp });
    return makeContact(origins, {
      registry: this.registry,
      transport: this.#transport,
      retry: this.retry,
      signal,
    });
  }

  #authorizerOf(repository: string | undefined, contact: Contact): Authorizer {
    const known = this.#authorizers.get(repository);
    if (known !== undefined) return known;
    const { credentials, signal } = this.#options;
    const authorizer = new Authorizer(
      {
        registry: this.registry,
        credentials: () => credentials.find(this.registry, repository),
        send: (request) =>
          this.#sendPatiently({
            ...request,
            signal: signal?.aborted ? AbortSignal.timeout(LAST_TOKEN_MS) : signal,
          }),
        origin: contact.origin,
        insecure: this.#insecure,
      },
      contact.challenges,
    );
    this.#authorizers.set(repository, authorizer);
    return authorizer;
  }

  /** A registry behind a proxy may not know that it is called by https. */
  #urlOf(target: string | URL, origin: URL): URL {
    const url = new URL(target, origin);
    if (url.protocol === 'http:' && origin.protocol === 'https:' && url.hostname === origin.hostname) {
      if (url.port === '' || url.port === origin.port) return new URL(`${url.pathname}${url.search}`, origin);
    }
    return url;
  }

  async #failure(
    answer: HttpAnswer,
    request: Pick<ApiRequest, 'what' | 'repository'>,
  ): Promise<RegistryError> {
    const user = (await this.#authorizers.get(request.repository)?.user()) ?? 'nobody';
    const { origin } = await this.#reach(undefined);
    const other = answer.url.host === origin.host ? undefined : answer.url.host;
    return failedAnswer(answer, {
      registry: this.registry,
      what: request.what,
      user,
      ...(other && { other }),
    });
  }

  #signalOf(signal: AbortSignal | undefined): AbortSignal | undefined {
    const { signal: ours } = this.#options;
    if (ours === undefined || signal === undefined || ours === signal) return signal ?? ours;
    return AbortSignal.any([ours, signal]);
  }
}

function httpRequest(request: ApiRequest, url: URL, authorization?: string): HttpRequest {
  const { method, headers = {}, body, signal, answerMs } = request;
  return {
    method,
    url,
    headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
    signal,
    ...(body === undefined ? {} : { body }),
    ...(answerMs === undefined ? {} : { answerMs }),
  };
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
