/**
 * The index of any number of servers, and the locks between them, in a database of PostgreSQL. Start with postgres-index.ts
 * and locks.ts.
 */
export { Database } from './database.js';
export { keptTables } from './kept-tables.js';
export { PostgresLocks } from './locks.js';
export { PostgresIndex } from './postgres-index.js';
