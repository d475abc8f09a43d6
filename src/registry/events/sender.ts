import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { endWith, httpAgent, httpsAgent, Proxies } from '../../proxy/index.js';
import type { Endpoint } from './endpoint.js';
import { EVENTS_TYPE } from './event.js';
import { SIGNATURE_HEADER, signatureOf } from './signature.js';

/** What a receiver said. `retryAfterMs` is how long it asks to be left alone. */
export type Answer = Readonly<{ status: number; retryAfterMs: number | undefined }>;

const MAX_REDIRECTS = 5;
const MAX_RETRY_AFTER_MS = 3_600_000;
/** Where the same is to be posted; 303 says that it was taken. RFC 9110 section 15.4. */
const MOVED = new Set([301, 302, 307, 308]);

type Target = Pick<Endpoint, 'url' | 'headers' | 'timeoutMs' | 'secret'>;

/** Posts envelopes to an endpoint, one at a time, on a connection that is kept. */
export class Sender implements Disposable {
  readonly #target: Target;
  readonly #proxies: Proxies;
  readonly #agents = new Map<string, Agent>();

  constructor(target: Target, env: NodeJS.ProcessEnv) {
    this.#target = target;
    this.#proxies = new Proxies(env);
  }

  /** @throws no answer came in time. Nothing of it names a header, or more of the URL than its origin. */
  async post(envelope: string): Promise<Answer> {
    const signal = AbortSignal.timeout(this.#target.timeoutMs);
    let { url } = this.#target;
    for (let hops = 0; ; hops += 1) {
      const answer = await this.#postTo(url, envelope, signal).catch((error: unknown) => {
        throw signal.aborted ? new Error(`no answer within ${this.#target.timeoutMs} ms`) : error;
      });
      answer.resume();
      const { statusCode: status = 0, headers } = answer;
      const next = MOVED.has(status) && headers.location ? URL.parse(headers.location, url.href) : undefined;
      if (!next || hops === MAX_REDIRECTS || !/^https?:$/.test(next.protocol))
        return { status, retryAfterMs: retryAfter(headers['retry-after']) };
      url = next;
    }
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #postTo(url: URL, envelope: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const proxy = this.#proxies.find(url);
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      headers: this.#headersFor(url, envelope),
      agent: this.#agentFor(url),
    });
    endWith(signal, request);
    request.once('response', resolve);
    request.once('error', (error) => reject(Proxies.explain(error, proxy, url)));
    request.end(envelope);
    return promise;
  }

  #headersFor(url: URL, envelope: string): Record<string, string | string[]> {
    const { url: own, headers, secret } = this.#target;
    const all: Record<string, string | string[]> = {
      'Content-Type': EVENTS_TYPE,
      'User-Agent': 'berth',
      'Content-Length': String(Buffer.byteLength(envelope)),
    };
    if (secret !== undefined) all[SIGNATURE_HEADER] = signatureOf(envelope, secret);
    const isUpgraded = url.hostname === own.hostname && own.protocol === 'http:' && url.protocol === 'https:';
    if (url.origin !== own.origin && !isUpgraded) return all; // what is sent along is not for others
    for (const [name, values] of Object.entries(headers)) {
      const usual = Object.keys(all).find((each) => each.toLowerCase() === name.toLowerCase());
      all[usual ?? name] = values.length === 1 ? String(values[0]) : [...values];
    }
    return all;
  }

  #agentFor(url: URL): Agent {
    const known = this.#agents.get(url.origin);
    if (known) return known;
    const make = url.protocol === 'https:' ? httpsAgent : httpAgent;
    const agent = make(this.#proxies.find(url), { keepAlive: true, maxSockets: 1 });
    this.#agents.set(url.origin, agent);
    return agent;
  }
}

/** In seconds, or a date. RFC 9110 section 10.2.3. */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), MAX_RETRY_AFTER_MS);
}
