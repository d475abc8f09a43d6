/**
 * What is watched from outside: metrics, and the debug server that shows them and the registry's health. Only where
 * `http.debug.addr` is set is any of it loaded. Start with debug-server.ts and metrics.ts.
 */
export { type DebugServer, type DebugServerOptions, startDebugServer } from './debug-server.js';
export { METRICS_CONTENT_TYPE, Metrics, type MetricsOptions, mergeCounts } from './metrics.js';
