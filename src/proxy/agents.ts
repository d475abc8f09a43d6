import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions } from 'node:https';
import type { NamedProxy } from './proxies.js';
import { leadThroughSocks } from './socks.js';

/** An agent that connects by way of a proxy, if there is one, and asks no other. */
export function httpAgent(proxy: NamedProxy | undefined, options: AgentOptions = {}): HttpAgent {
  return led(new HttpAgent({ ...options, proxyEnv: envOf(proxy) }), proxy);
}

/** The same, for `https:`. */
export function httpsAgent(proxy: NamedProxy | undefined, options: HttpsAgentOptions = {}): HttpsAgent {
  return led(new HttpsAgent({ ...options, proxyEnv: envOf(proxy) }), proxy);
}

/** Node asks proxies of HTTP by itself, and knows no SOCKS. */
function envOf(proxy: NamedProxy | undefined): Readonly<Record<string, string>> {
  return proxy === undefined || isSocks(proxy)
    ? {}
    : { HTTP_PROXY: proxy.url.href, HTTPS_PROXY: proxy.url.href };
}

function led<A extends HttpAgent>(agent: A, proxy: NamedProxy | undefined): A {
  return proxy !== undefined && isSocks(proxy) ? leadThroughSocks(agent, proxy) : agent;
}

function isSocks({ url }: NamedProxy): boolean {
  return url.protocol.startsWith('socks');
}
