/**
 * Which proxy leads to an address, as the environment says; read as Go's programs (docker, skopeo, crane) read it, and not
 * as Node does. Start with proxies.ts.
 */
export { httpAgent, httpsAgent } from './agents.js';
export { type NamedProxy, Proxies, ProxyError } from './proxies.js';
