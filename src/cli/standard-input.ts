import { addAbortSignal, type Readable } from 'node:stream';

/** Standard input, until there is an interruption: who gives it may never end. */
export function standardInput(signal: AbortSignal): Readable {
  return addAbortSignal(signal, process.stdin);
}
