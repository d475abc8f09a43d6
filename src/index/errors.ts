/** The index cannot be used now: its disk is full, read-only or failing. The files are still the truth. */
export class IndexUnavailableError extends Error {
  override readonly name = 'IndexUnavailableError';
}

/** Primary result codes of SQLite. https://sqlite.org/rescode.html */
const CORRUPT = 11;
const NOTADB = 26;
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

/** Whether the file is no sound database. */
export function isUnsound(error: unknown): boolean {
  return [CORRUPT, NOTADB].includes(primaryCode(error));
}

/** @returns 0 for what is no failure of SQLite. */
function primaryCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}
