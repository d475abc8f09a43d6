/**
 * What an operator sees of a running registry: its log, its access log, its audit log and its health. Answers no client of the
 * registry itself. Start with health.ts; log.ts is on its own.
 */
export { accessLog, type FinishedRequest } from './access-log.js';
export { type AuditEntry, AuditLog } from './audit-log.js';
export { clientAddress, trustedProxies } from './client-address.js';
export { Health, type HealthOptions } from './health.js';
export type { Check } from './health-checks.js';
export { createLogger, type ServerLogger } from './log.js';
export { describeError } from './log-fields.js';
export { type LineSink, openOutput } from './output.js';
