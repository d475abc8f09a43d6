import type { Row, SqlFile } from '../../sqlite/index.js';
import {
  AmbiguousContainerError,
  ContainerConflictError,
  ContainerNotFoundError,
  ContainerStateError,
} from '../errors.js';
import { parseCreateBody } from './body-shape.js';
import { type ContainerRecord, type ContainerState, damagedRecord } from './container-record.js';

/** Tables of the containers, for the database of the runtime. */
export const CONTAINERS_SCHEMA = `
CREATE TABLE IF NOT EXISTS containers (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, record TEXT NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
`;

const COLUMNS = ['name', 'state', 'record'] as const;

/** Which containers there are. Synchronous: well below a millisecond each. */
export class ContainerStore {
  readonly #db: SqlFile;
  /** As they were read last, with the row: reading it takes many times as long as seeing that it is the same. */
  #known = new Map<string, KnownRow>();

  constructor(db: SqlFile) {
    this.#db = db;
  }

  /** The newest first. */
  all(): ContainerRecord[] {
    const rows = this.#db.all('SELECT id, name, record, state FROM containers');
    const known = rows.map((row) => knownRow(row, this.#known.get(String(row.id))));
    this.#known = new Map(known.map((one) => [one.value.id, one]));
    return known.map(({ value }) => value).sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  }

  byId(id: string): ContainerRecord | undefined {
    const row = this.#db.get('SELECT id, name, record, state FROM containers WHERE id = ?1', id);
    return row && recordOf(row);
  }

  /** A whole id, a name, or the beginning of an id, in this order. @throws {AmbiguousContainerError} */
  find(text: string): ContainerRecord | undefined {
    const name = text.replace(/^\//, '');
    const exact =
      this.byId(text) ?? this.#one('SELECT id, name, record, state FROM containers WHERE name = ?1', name);
    if (exact !== undefined) return exact;
    if (!/^[0-9a-f]{1,64}$/.test(text)) return undefined;
    const rows = this.#db.all(
      'SELECT id, name, record, state FROM containers WHERE id >= ?1 AND id < ?2 LIMIT 2',
      text,
      `${text}g`,
    );
    if (rows.length > 1) throw new AmbiguousContainerError(text);
    return rows[0] && recordOf(rows[0]);
  }

  /** @throws {ContainerNotFoundError} @throws {AmbiguousContainerError} */
  get(text: string): ContainerRecord {
    const record = this.find(text);
    if (record === undefined) throw new ContainerNotFoundError(text);
    return record;
  }

  /** @throws {ContainerConflictError} the name is taken. */
  add(record: ContainerRecord): void {
    this.#db.transaction(() => {
      this.#expectFree(record.name);
      const { id, name, state, ...rest } = record;
      this.#db.run(
        'INSERT INTO containers (id, name, record, state) VALUES (?1, ?2, ?3, ?4)',
        id,
        name,
        JSON.stringify(rest),
        JSON.stringify(state),
      );
    });
  }

  /** @throws {ContainerConflictError} the name is taken. */
  rename(id: string, name: string): void {
    this.#db.transaction(() => {
      this.#expectFree(name);
      this.#db.run('UPDATE containers SET name = ?2 WHERE id = ?1', id, name);
    });
  }

  /** @returns the record as it is now. @throws {ContainerNotFoundError} it went away. */
  setState(id: string, change: Partial<ContainerState>): ContainerRecord {
    return this.#db.transaction(() => {
      const record = this.get(id);
      const state = { ...record.state, ...change };
      this.#db.run('UPDATE containers SET state = ?2 WHERE id = ?1', id, JSON.stringify(state));
      return { ...record, state };
    });
  }

  /**
   * What it is to be from its next start on.
   * @throws {ContainerNotFoundError} it went away. @throws {ContainerStateError} it is damaged: the rest of it would be lost.
   */
  configure(id: string, change: Partial<Pick<ContainerRecord, 'hostConfig' | 'networkingConfig'>>): void {
    this.#db.transaction(() => {
      const { id: _, name: __, state, ...rest } = this.get(id);
      if (state.status === 'dead')
        throw new ContainerStateError(`container ${id} can only be removed: ${state.error}`);
      const record = JSON.stringify({ ...rest, ...change });
      this.#db.run('UPDATE containers SET record = ?2 WHERE id = ?1', id, record);
    });
  }

  remove(id: string): void {
    this.#db.run('DELETE FROM containers WHERE id = ?1', id);
  }

  #expectFree(name: string): void {
    const holder = this.#db.get('SELECT id FROM containers WHERE name = ?1', name);
    if (holder !== undefined) throw new ContainerConflictError(name, String(holder.id));
  }

  #one(sql: string, value: string): ContainerRecord | undefined {
    const row = this.#db.get(sql, value);
    return row && recordOf(row);
  }
}

type KnownRow = Readonly<{ row: Row; value: ContainerRecord }>;

function knownRow(row: Row, before: KnownRow | undefined): KnownRow {
  if (before !== undefined && COLUMNS.every((name) => before.row[name] === row[name])) return before;
  return { row, value: recordOf(row) };
}

/** One that cannot be read is told as dead, with the reason: it can be looked at, and removed. */
function recordOf({ id, name, record, state }: Row): ContainerRecord {
  const names = { id: String(id), name: String(name) };
  try {
    const rest = JSON.parse(String(record)) as Omit<ContainerRecord, 'id' | 'name' | 'state'>;
    parseCreateBody({ ...rest.config, HostConfig: rest.hostConfig, NetworkingConfig: rest.networkingConfig });
    return { ...rest, ...names, state: JSON.parse(String(state)) as ContainerState };
  } catch (error) {
    return { ...damagedRecord((error as Error).message, String(state)), ...names };
  }
}
