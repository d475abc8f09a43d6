import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { httpAgent, httpsAgent, type NamedProxy, Proxies } from '../../proxy/index.js';
import { TrustError } from '../errors.js';
import { apiHost } from '../registry-address.js';
import type { TrustFolders } from '../trust-folders.js';
import type { HttpAnswer } from './answer.js';
import { exchange, type HttpRequest, StaleConnectionError } from './exchange.js';

export type TransportOptions = Readonly<{
  /** As in the names of images. */
  registry: string;
  trust: TrustFolders;
  /** Takes any certificate, and lets redirects leave https. */
  insecure: boolean;
  proxies: Proxies;
  userAgent: string;
  silenceMs: number;
}>;

const MAX_REDIRECTS = 5;
const MAX_SOCKETS = 64;
const AGENT_OPTIONS = { keepAlive: true, maxSockets: MAX_SOCKETS, scheduling: 'lifo' as const };

/** Kept connections to a registry and to the hosts it sends us to; redirects. */
export class Transport {
  readonly #options: TransportOptions;
  /** By what they are made for: the way to a host, and what it is shown. */
  readonly #agents = new Map<string, Promise<HttpAgent>>();

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * Follows redirects, without credentials to another host. 307 and 308 send the body again, others only lead on
   * what has none.
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    let current: HttpRequest = {
      ...request,
      headers: { 'user-agent': this.#options.userAgent, ...request.headers },
    };
    for (let hops = 0; ; hops++) {
      const answer = await this.#exchange(current);
      const target = redirectTarget(current, answer);
      if (target === undefined) return answer;
      await answer.discard();
      if (hops === MAX_REDIRECTS)
        throw new Error(`more than ${MAX_REDIRECTS} redirects, the last to ${target.host}`);
      if (current.url.protocol === 'https:' && target.protocol === 'http:' && !this.#options.insecure) {
        throw new Error(`${current.url.host} redirects to plain http at ${target.host}; --insecure follows`);
      }
      current = { ...current, url: target, headers: headersFor(current, target) };
    }
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.then((made) => made.destroy()).catch(() => {});
  }

  /** Kept connections may all be stale after a pause. What changes something is for the caller to judge. */
  async #exchange(request: HttpRequest): Promise<HttpAnswer> {
    const proxy = this.#options.proxies.find(request.url);
    const agent = await this.#agentFor(request.url, proxy);
    for (let attempts = 1; ; attempts++) {
      try {
        return await exchange(request, { agent, silenceMs: this.#options.silenceMs });
      } catch (error) {
        if (!(error instanceof StaleConnectionError)) throw Proxies.explain(error, proxy, request.url);
        if (!isReading(request) || attempts > MAX_SOCKETS) throw error.cause;
      }
    }
  }

  /** Only the registry itself is shown the client's certificate. */
  #agentFor(url: URL, proxy: NamedProxy | undefined): Promise<HttpAgent> {
    const own = url.host === apiHost(this.#options.registry);
    const key = `${url.protocol} ${own} ${proxy?.url.href}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const made =
      url.protocol === 'https:'
        ? this.#secureAgent(proxy, { own })
        : Promise.resolve(httpAgent(proxy, AGENT_OPTIONS));
    this.#agents.set(key, made);
    return made;
  }

  async #secureAgent(proxy: NamedProxy | undefined, { own }: { own: boolean }): Promise<HttpsAgent> {
    const { registry, trust, insecure } = this.#options;
    const { authorities, certificate, key } = await trust.of(registry);
    const options: SecureContextOptions = {
      ...(own && certificate !== undefined ? { cert: certificate, key } : {}),
      ...(insecure ? {} : { ca: [...(await trust.systemAuthorities()), ...authorities] }),
    };
    // Made once: reading all authorities anew for each connection takes longer than connecting.
    const secureContext = makeContext(options, registry);
    return httpsAgent(proxy, { ...AGENT_OPTIONS, secureContext, rejectUnauthorized: !insecure });
  }
}

function makeContext(options: SecureContextOptions, registry: string): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TrustError(`the certificates for ${registry} cannot be used: ${why}`, { cause: error });
  }
}

function isReading({ method }: HttpRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

function redirectTarget(request: HttpRequest, answer: HttpAnswer): URL | undefined {
  const keepsMethod = answer.status === 307 || answer.status === 308;
  if (!keepsMethod && !(isReading(request) && [301, 302, 303].includes(answer.status))) return undefined;
  const location = answer.header('location');
  const target = location === undefined ? null : URL.parse(location, request.url.href);
  return target !== null && /^https?:$/.test(target.protocol) ? target : undefined;
}

/** Another host must not learn who we are; the same host by https may. */
function headersFor({ url, headers = {} }: HttpRequest, target: URL): Record<string, string> {
  const same = url.host === target.host && (url.protocol === target.protocol || target.protocol === 'https:');
  if (same) return { ...headers };
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !['authorization', 'cookie'].includes(name.toLowerCase())),
  );
}
