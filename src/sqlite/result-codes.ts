/** Primary result codes of SQLite. https://sqlite.org/rescode.html */
const CORRUPT = 11;
const NOTADB = 26;

/** Whether the file is no sound database. */
export function isUnsound(error: unknown): boolean {
  return [CORRUPT, NOTADB].includes(primaryCode(error));
}

/** @returns 0 for what is no failure of SQLite. */
export function primaryCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}
