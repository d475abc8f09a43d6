/**
 * What an operator sees of a running registry: its log, its access log, metrics, health, and the debug server that
 * shows them. Answers no client of the registry itself. Start with health.ts and metrics.ts; log.ts is on its own.
 */
export { accessLog, type FinishedRequest } from './access-log.js';
export { trustedProxies } from './client-address.js';
export { type DebugServer, type DebugServerOptions, startDebugServer } from './debug-server.js';
export { Health, type HealthOptions } from './health.js';
export { createLogger, type ServerLogger } from './log.js';
export { describeError } from './log-fields.js';
export { measuredDriver } from './measured-driver.js';
export { Metrics, type MetricsOptions } from './metrics.js';
export { type LineSink, openOutput } from './output.js';
