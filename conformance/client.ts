import type http from 'node:http';
import type { Answer } from './answer.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { agentFor, type Exchange, exchange, isReplayable } from './exchange.ts';
import type { Settings } from './settings.ts';

const MAX_REDIRECTS = 5;

export type RequestOptions = Pick<Exchange, 'headers' | 'body' | 'chunked' | 'expectContinue'> & {
  /** `none` sends no credentials; a string is sent as it is. Default: whatever the registry asked for. */
  readonly authorization?: string;
};

/**
 * Speaks HTTP to the registry under test, with credentials where it wants them. Nothing here judges an answer, and
 * nothing is sent that a requirement did not ask for: no Accept, no User-Agent, no compression.
 */
export class Client {
  readonly base: URL;
  readonly settings: Settings;
  readonly #agent: http.Agent;
  readonly #tokens = new Map<string, Promise<string | undefined>>();
  #challenge: Promise<Challenge | undefined> | undefined;

  constructor(settings: Settings) {
    this.settings = settings;
    this.base = new URL(settings.url);
    this.#agent = agentFor(this.base, settings);
  }

  /**
   * @param target a path below the registry (`/v2/...`), sent exactly as written, or a full URL.
   * @throws {Error} no complete answer came.
   */
  async request(method: string, target: string | URL, options: RequestOptions = {}): Promise<Answer> {
    const url = this.urlOf(target);
    const wire = typeof target === 'string' ? `${this.#prefix()}${target}` : undefined;
    const send = (authorization: string | undefined) =>
      exchange({
        ...options,
        method,
        url,
        target: wire,
        agent: this.#agentOf(url),
        headers: headersOf(options, authorization),
      });
    const answer = await send(options.authorization ?? (await this.authorizationFor(url)));
    if (answer.status !== 401 || options.authorization !== undefined || !isReplayable(options.body))
      return answer;
    const second = await this.#authorizationFrom(answer);
    return second === undefined ? answer : send(second);
  }

  /** Like `request`, and follows the redirects that a blob may be served by. spec.md, "API": redirects. */
  async read(method: 'GET' | 'HEAD', target: string | URL, options: RequestOptions = {}): Promise<Answer> {
    let answer = await this.request(method, target, options);
    for (let hop = 0; hop < MAX_REDIRECTS && [301, 302, 303, 307, 308].includes(answer.status); hop++) {
      const url = answer.location();
      const foreign = url.host !== this.base.host;
      answer = await this.request(method, url, foreign ? { ...options, authorization: 'none' } : options);
    }
    return answer;
  }

  /** The registry's challenge to a caller without credentials; `undefined` when it lets anyone in. */
  challenge(): Promise<Challenge | undefined> {
    this.#challenge ??= this.request('GET', '/v2/', { authorization: 'none' }).then((answer) => {
      const challenges =
        answer.status === 401 ? answer.headerLines('www-authenticate').flatMap(parseChallenges) : [];
      return (
        challenges.find(({ scheme }) => scheme === 'bearer') ??
        challenges.find(({ scheme }) => scheme === 'basic')
      );
    });
    return this.#challenge;
  }

  /** `Basic ...` for the credentials given; `undefined` without any. */
  basic(): string | undefined {
    const credentials = this.settings.credentials;
    if (credentials === undefined) return undefined;
    return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
  }

  /** Asks the token endpoint. @param query appended to the realm's; `service` comes from the challenge. */
  async requestToken(
    challenge: Challenge,
    query: string,
    authorization = this.basic() ?? 'none',
  ): Promise<Answer> {
    const url = new URL(challenge.parameters.get('realm') ?? '', this.base);
    const service = challenge.parameters.get('service');
    const asked = [service === undefined ? '' : `service=${encodeURIComponent(service)}`, query].filter(
      (part) => part !== '',
    );
    url.search = [url.search.slice(1), ...asked].filter((part) => part !== '').join('&');
    return this.request('GET', url, { authorization });
  }

  /** A Bearer token for these scopes; `undefined` when the endpoint gives none. */
  token(challenge: Challenge, scopes: readonly string[]): Promise<string | undefined> {
    const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&');
    const known = this.#tokens.get(query) ?? this.requestToken(challenge, query).then(tokenIn);
    this.#tokens.set(query, known);
    return known;
  }

  /** The `Authorization` that a request to this URL carries by default; `undefined` for none. */
  async authorizationFor(url: URL): Promise<string | undefined> {
    if (this.settings.credentials === undefined || url.host !== this.base.host) return undefined;
    const challenge = await this.challenge();
    if (challenge === undefined) return undefined;
    if (challenge.scheme === 'basic') return this.basic();
    const token = await this.token(challenge, scopesFor(url));
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  /** The answer to a 401 that asks for more than we brought. */
  async #authorizationFrom(refusal: Answer): Promise<string | undefined> {
    const challenges = refusal.headerLines('www-authenticate').flatMap(parseChallenges);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer === undefined)
      return challenges.some(({ scheme }) => scheme === 'basic') ? this.basic() : undefined;
    const scopes = bearer.parameters.get('scope')?.split(' ') ?? [];
    const token = await this.token(bearer, scopes);
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  /** Where a target leads, for messages, scopes and raw sockets. */
  urlOf(target: string | URL): URL {
    if (target instanceof URL) return target;
    // The target itself goes out untouched: hostile ones would be tidied up here.
    const url = new URL(this.base);
    const [path = '', ...query] = target.split('?');
    url.pathname = `${this.#prefix()}${path}`;
    url.search = query.join('?');
    return url;
  }

  #prefix(): string {
    return this.base.pathname.replace(/\/+$/, '');
  }

  #agentOf(url: URL): http.Agent {
    return url.protocol === this.base.protocol ? this.#agent : agentFor(url, this.settings);
  }
}

function headersOf(
  options: RequestOptions,
  authorization: string | undefined,
): Record<string, string | string[]> {
  const sent =
    authorization === undefined || authorization === 'none' ? {} : { Authorization: authorization };
  return { ...sent, ...options.headers };
}

const REPOSITORY_ROUTE = /\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\/[^/]*(?:\/[^/]*)?$/;

/** The scopes a request needs, asked for in advance as clients do. Everything on the repository: tests delete too. */
function scopesFor(url: URL): string[] {
  if (url.pathname.endsWith('/v2/_catalog')) return ['registry:catalog:*'];
  const name =
    /\/v2\/(.+)\/blobs\/uploads\/?[^/]*$/.exec(url.pathname)?.[1] ?? REPOSITORY_ROUTE.exec(url.pathname)?.[1];
  if (name === undefined) return [];
  const from = url.searchParams.get('from');
  const source = from === null ? [] : [`repository:${from}:pull`];
  return [`repository:${name}:pull,push,delete`, ...source];
}

/** A token endpoint's answer names it `token`, `access_token` or both. */
export function tokenIn(answer: Answer): string | undefined {
  if (answer.status !== 200) return undefined;
  const fields = answer.json() as { token?: unknown; access_token?: unknown };
  const token = fields.token ?? fields.access_token;
  return typeof token === 'string' && token !== '' ? token : undefined;
}
