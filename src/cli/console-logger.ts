import type { Logger } from '../registry/logger.js';

/** For commands that a person waits for: warnings only, on stderr. */
export function consoleLogger(): Logger {
  const say = (fields: object, message: string) => {
    process.stderr.write(`berth: ${message} ${JSON.stringify(fields)}\n`);
  };
  return { debug: () => {}, info: () => {}, warn: say, error: say };
}
