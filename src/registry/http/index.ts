/**
 * The registry over HTTP: URLs to typed requests, handlers, answers. Start with dispatch.ts, the table of what is
 * answered by whom; app.ts says what every request passes first.
 */
export { type AppOptions, createApp, type ObservedRequest, type RequestObserver } from './app.js';
export { type PublicUrl, publicUrl } from './public-url.js';
export type { Registry, RegistryContext, RegistrySettings } from './registry.js';
export { SendBuffers } from './send.js';
export { RegistryServer, type ServerOptions } from './server.js';
export type { TokenIssuer } from './token.js';
export type { RepositoryWarning } from './warnings.js';
export type { Refusal, Witness } from './witness.js';
