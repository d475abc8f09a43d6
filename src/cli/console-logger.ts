import type { Logger } from '../registry/logger.js';
import { describeError } from '../registry/operations/index.js';

/** For commands that a person waits for: what goes wrong on stderr, what is done on stdout. */
export function consoleLogger(): Logger {
  const warn = (fields: object, message: string) =>
    process.stderr.write(`berth: ${message}${fieldsText(fields)}\n`);
  const say = (fields: object, message: string) => process.stdout.write(`${message}${fieldsText(fields)}\n`);
  return { debug: () => {}, info: say, warn, error: warn };
}

/** ` (path /etc, line 3)`, or nothing. */
export function fieldsText(fields: object): string {
  const pairs = Object.entries(fields).map(([key, value]) =>
    value instanceof Error ? `${key}: ${describeError(value)}` : `${key} ${value}`,
  );
  return pairs.length > 0 ? ` (${pairs.join(', ')})` : '';
}
