/**
 * Which proxy leads to an address, as the environment says; read as Go's programs (docker, skopeo, crane) read it, and not
 * as Node does; and how requests end early. Start with proxies.ts.
 */
export { httpAgent, httpsAgent } from './agents.js';
export { endWith } from './end-with.js';
export { type NamedProxy, Proxies, ProxyError } from './proxies.js';
