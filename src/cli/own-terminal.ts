import type { Terminal } from './password.js';

/** Of this process. */
export function ownTerminal(): Terminal {
  return { input: process.stdin, output: process.stdout, notes: process.stderr };
}
