import type { SqlFile } from '../sqlite/index.js';

/** Table of what happened, for the database of the runtime. */
export const EVENTS_SCHEMA = `
CREATE TABLE IF NOT EXISTS events (
  number INTEGER PRIMARY KEY AUTOINCREMENT, time_ns TEXT NOT NULL, type TEXT NOT NULL, action TEXT NOT NULL,
  actor TEXT NOT NULL, attributes TEXT NOT NULL
);
`;

/** Of so many last events is known, as of dockerd's. */
const KEPT = 1024;

/** Of what is told of one event, in UTF-16 units: images choose their labels, and clients their commands. */
const MAX_LENGTH = 32 * 1024;
const MAX_ACTION_LENGTH = 1024;

/** Something that happened to a container, network, volume or image. Engine API, GET /events. */
export type RuntimeEvent = Readonly<{
  /** Grows; for asking what came after. */
  number: number;
  /** Nanoseconds since 1970. */
  timeNs: bigint;
  type: string;
  action: string;
  actor: string;
  attributes: Readonly<Record<string, string>>;
}>;

/** What happened, told by whichever process did it, to all that ask. */
export class RuntimeEvents {
  readonly #db: SqlFile;

  constructor(db: SqlFile) {
    this.#db = db;
  }

  post({ type, action, actor, attributes }: Omit<RuntimeEvent, 'number' | 'timeNs'>): void {
    const now = String(BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n));
    const { rowid } = this.#db.run(
      'INSERT INTO events (time_ns, type, action, actor, attributes) VALUES (?1, ?2, ?3, ?4, ?5)',
      now,
      type,
      action.slice(0, MAX_ACTION_LENGTH),
      actor,
      JSON.stringify(Object.fromEntries(withinLimit(attributes))),
    );
    this.#db.run('DELETE FROM events WHERE number <= ?1', rowid - KEPT);
  }

  /** The number of the last one; 0 when there was none. */
  get last(): number {
    return Number(this.#db.get('SELECT max(number) AS last FROM events')?.last ?? 0);
  }

  /** What a container ended with last, also when that is gone; `undefined` when it did not end, or long ago. */
  lastExitCode(container: string): number | undefined {
    const row = this.#db.get(
      "SELECT attributes FROM events WHERE actor = ?1 AND action = 'die' ORDER BY number DESC LIMIT 1",
      container,
    );
    return row && Number((JSON.parse(String(row.attributes)) as Record<string, string>).exitCode);
  }

  /** Those after one, the oldest first. @param number 0 for all that are known. */
  after(number: number): RuntimeEvent[] {
    return this.#db.all('SELECT * FROM events WHERE number > ?1 ORDER BY number', number).map((row) => ({
      number: Number(row.number),
      timeNs: BigInt(String(row.time_ns)),
      type: String(row.type),
      action: String(row.action),
      actor: String(row.actor),
      attributes: JSON.parse(String(row.attributes)) as Record<string, string>,
    }));
  }
}

/** All, or the last ones: what is said of the event itself comes after labels. */
function withinLimit(attributes: Readonly<Record<string, string>>): (readonly [string, string])[] {
  let left = MAX_LENGTH;
  const kept = Object.entries(attributes)
    .toReversed()
    .filter(([name, value]) => {
      left -= name.length + value.length;
      return left >= 0;
    });
  return kept.toReversed();
}
