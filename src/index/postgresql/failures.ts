import pg from 'pg';
import { IndexUnavailableError } from '../errors.js';

/** Classes of SQLSTATE, and single states, that say that the database cannot be used now. PostgreSQL, "Error Codes". */
const UNAVAILABLE: readonly (readonly [state: string, reason: string])[] = [
  ['08', 'the connection to its database was lost'],
  ['25006', 'its database is read-only'],
  ['28', 'its database does not let us in'],
  ['3D000', 'there is no such database'],
  ['42501', 'its user lacks rights in the database'],
  ['53', 'its database has no room'],
  ['55', 'its database is not ready for it'],
  ['57', 'its database is stopping or starting'],
  ['58', 'the disk of its database fails'],
  ['XX', 'its database is damaged'],
];
/** Two transactions waited for each other, or changed the same: one of them has to do it again. */
const CONFLICTS = ['40001', '40P01'];
/** The tables, or the schema that they were in, are gone. */
const GONE = ['42P01', '3F000'];
/** What ended the session, not only the statement. */
const ENDED = ['08', '57P01', '57P02', '57P03', '57P05'];

/** The meaning of what the database or the way to it reports; what is a fault of ours stays what it is. */
export function explained(error: unknown): unknown {
  if (error instanceof IndexUnavailableError) return error;
  if (!(error instanceof pg.DatabaseError))
    return isLost(error) ? unavailable('the connection to its database was lost', error) : error;
  const reason = UNAVAILABLE.find(([state]) => error.code?.startsWith(state))?.[1];
  return reason === undefined ? error : unavailable(`${reason} (${error.message})`, error);
}

/** What kept us from a connection: there is none, and so nothing of ours can be at fault. */
export function unreachable(error: unknown): unknown {
  const known = error instanceof pg.DatabaseError ? explained(error) : error;
  if (known instanceof IndexUnavailableError) return known;
  const reason = messageOf(error);
  return unavailable(`its database cannot be reached${reason && `: ${reason}`}`, error);
}

/** Whether the session ended: another one may do. */
export function isLost(error: unknown): boolean {
  if (error instanceof IndexUnavailableError) return false;
  if (error instanceof pg.DatabaseError) return ENDED.some((state) => error.code?.startsWith(state));
  // The library has no class for it; what it refuses of our own making are TypeErrors and RangeErrors.
  return error instanceof Error && !(error instanceof TypeError || error instanceof RangeError);
}

export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && CONFLICTS.includes(error.code ?? '');
}

export function isGone(error: unknown): boolean {
  return error instanceof pg.DatabaseError && GONE.includes(error.code ?? '');
}

/** Of several addresses that were tried, the last one's. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return messageOf(error.errors.at(-1));
  return error instanceof Error ? error.message : '';
}

function unavailable(reason: string, cause: unknown): IndexUnavailableError {
  return new IndexUnavailableError(`the index cannot be used: ${reason}`, { cause });
}
