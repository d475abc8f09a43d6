import { primaryCode } from '../../sqlite/index.js';
import { IndexUnavailableError } from '../errors.js';

const UNAVAILABLE: Readonly<Record<number, string>> = {
  5: 'another process keeps it busy',
  8: 'it is read-only',
  10: 'the disk fails',
  13: 'the disk is full',
  14: 'its file cannot be opened',
};

/** The meaning of what SQLite reports; anything else stays what it is. */
export function explained(error: unknown): unknown {
  const reason = UNAVAILABLE[primaryCode(error)];
  if (reason === undefined) return error;
  return new IndexUnavailableError(`the index cannot be used: ${reason}`, { cause: error });
}
