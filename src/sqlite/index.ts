/** SQLite files, whatever is in them: prepared statements, transactions, and which failures mean a damaged file. */

export { DiskReserve } from './disk-reserve.js';
export { explainDisk, isDiskFailure, isUnsound, primaryCode } from './result-codes.js';
export type { Row, SQLInputValue } from './sql-file.js';
export { SHORT_LOG, SqlFile } from './sql-file.js';
