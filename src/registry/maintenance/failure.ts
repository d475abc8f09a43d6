import { IndexNotTrustedError } from '../gc/index.js';
import type { Logger } from '../logger.js';

/** What has to wait for the index, as after a start, has not failed. */
export function logFailure(log: Logger, error: unknown, fields: Readonly<Record<string, unknown>>): void {
  if (error instanceof IndexNotTrustedError) log.warn({ error, ...fields }, 'maintenance cannot be done now');
  else log.error({ error, ...fields }, 'maintenance failed');
}
