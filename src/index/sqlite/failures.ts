import { primaryCode } from '../../sqlite/index.js';
import { IndexUnavailableError } from '../errors.js';

const BUSY = 5;
const UNAVAILABLE: Readonly<Record<number, string>> = {
  [BUSY]: 'another process keeps it busy',
  8: 'it is read-only',
  10: 'the disk fails',
  13: 'the disk is full',
  14: 'its file cannot be opened',
};

/** The meaning of what SQLite reports; anything else stays what it is. */
export function explained(error: unknown): unknown {
  const code = primaryCode(error);
  const reason = UNAVAILABLE[code];
  if (reason === undefined) return error;
  const options = { cause: error, forAll: code !== BUSY };
  return new IndexUnavailableError(`the index cannot be used: ${reason}`, options);
}
