import pg from 'pg';
import { IndexUnavailableError } from '../errors.js';
import { Client } from './client.js';
import { explained, isConflict, isGone, isLost, unreachable } from './failures.js';
import { clientConfig, type PostgresOptions } from './options.js';
import { quoted } from './schema.js';

export type Row = Readonly<Record<string, unknown>>;
export type Value = string | number | boolean | Uint8Array | null | readonly (string | number | null)[];

/** The number of the repository that is named by the first parameter of a statement. */
export const REPOSITORY = '(SELECT id FROM repositories WHERE name = $1)';

/** No statement takes so long: whoever would answer is gone, without a word. */
const ANSWER_MS = 120_000;
/** How often work is done again that another transaction was in the way of. */
const ATTEMPTS = 5;
const INT8 = 20;

/** Statements on one connection. Parameters are written `$1`, `$2`, ... */
export class Session {
  readonly #client: pg.ClientBase;
  readonly #names: Map<string, string>;

  /** @param names of statements by their text: each connection prepares each of them once. */
  constructor(client: pg.ClientBase, names: Map<string, string>) {
    this.#client = client;
    this.#names = names;
  }

  async get(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return (await this.all(sql, ...values))[0];
  }

  async all(sql: string, ...values: Value[]): Promise<Row[]> {
    return (await this.#client.query<Row>(this.#prepared(sql, values))).rows;
  }

  /** The values of the first column. */
  async column(sql: string, ...values: Value[]): Promise<unknown[]> {
    const query = { ...this.#prepared(sql, values), rowMode: 'array' } as const;
    return (await this.#client.query<unknown[]>(query)).rows.map(([value]) => value);
  }

  /** @returns how many rows were changed. */
  async run(sql: string, ...values: Value[]): Promise<number> {
    return (await this.#client.query(this.#prepared(sql, values))).rowCount ?? 0;
  }

  #prepared(text: string, values: readonly Value[]): { name: string; text: string; values: Value[] } {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `berth_${this.#names.size}`;
      this.#names.set(text, name);
    }
    return { name, text, values: [...values] };
  }
}

/** A timeline begins where a standby takes over or a backup is restored: what was written last may be lost. */
export const TIMELINE = 'left(pg_walfile_name(pg_current_wal_lsn()), 8)';

/** What a database holds for somebody. */
export type Tables = Readonly<{
  /**
   * Makes them, unless they are there.
   * @param broken what this gave before, when some of them turned out to be missing there.
   * @returns the name of their schema.
   */
  create: (client: pg.ClientBase, broken: string | undefined) => Promise<string>;
  /** What people are told when they were deleted, and made anew. */
  deleted: string;
}>;

/**
 * A database, for one set of tables, over a few connections that are made as they are needed, and anew after they were lost. Every
 * call throws {@link IndexUnavailableError} when the database cannot be used now.
 */
export class Database {
  readonly #pool: pg.Pool;
  readonly #own: Tables;
  readonly #names = new Map<string, string>();
  /** The schema that each connection looks into. */
  readonly #paths = new WeakMap<pg.ClientBase, string>();
  #tables: Promise<string> | undefined;
  /** The last ones. */
  #known: string | undefined;
  #timeline: string | undefined;
  #replaced = 0;

  constructor(options: PostgresOptions, tables: Tables) {
    this.#own = tables;
    this.#pool = new pg.Pool({
      ...clientConfig(options),
      Client,
      max: options.connections,
      query_timeout: ANSWER_MS,
      types: { getTypeParser },
      onConnect: (client) => this.#greet(client),
    });
    this.#pool.on('error', () => {}); // of a connection that nobody uses; it is no longer in the pool
  }

  /** How often what the tables held, or the last of it, was lost while in use. */
  get replaced(): number {
    return this.#replaced;
  }

  /** As of the last connection; `undefined` before the first. */
  get timeline(): string | undefined {
    return this.#timeline;
  }

  get(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return this.#safely((session) => session.get(sql, ...values));
  }

  all(sql: string, ...values: Value[]): Promise<Row[]> {
    return this.#safely((session) => session.all(sql, ...values));
  }

  column(sql: string, ...values: Value[]): Promise<unknown[]> {
    return this.#safely((session) => session.column(sql, ...values));
  }

  /** A change that may be made twice: so it is when the connection is lost before it is known whether it was made. */
  run(sql: string, ...values: Value[]): Promise<number> {
    return this.#safely((session) => session.run(sql, ...values));
  }

  /** A change that must not be made twice. */
  once(sql: string, ...values: Value[]): Promise<Row | undefined> {
    return this.#explained(() => this.#connected((session) => session.get(sql, ...values)));
  }

  /**
   * All of `work` or nothing, and again from its beginning when other transactions were in the way.
   * @param options `snapshot`: for reading only, all of it at one moment.
   */
  transaction<T>(
    work: (session: Session) => Promise<T>,
    { snapshot = false }: { snapshot?: boolean } = {},
  ): Promise<T> {
    const begin = snapshot ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'BEGIN';
    return this.#safely(async (session, client) => {
      for (let attempt = 1; ; attempt += 1) {
        await client.query(begin);
        try {
          const result = await work(session);
          await client.query('COMMIT');
          return result;
        } catch (error) {
          if (isLost(error)) throw error;
          await client.query('ROLLBACK');
          if (!isConflict(error) || attempt === ATTEMPTS) throw error;
        }
      }
    });
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /** Once more where the connection was lost: the database may have been started anew since it was last used. */
  #safely<T>(work: (session: Session, client: pg.ClientBase) => Promise<T>): Promise<T> {
    return this.#explained(async () => {
      try {
        return await this.#connected(work);
      } catch (error) {
        if (!isLost(error)) throw error;
        return this.#connected(work);
      }
    });
  }

  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw explained(error);
    }
  }

  async #connected<T>(work: (session: Session, client: pg.ClientBase) => Promise<T>): Promise<T> {
    const tables = await this.#findTables();
    try {
      return await this.#withClient(async (client) => {
        if (this.#paths.get(client) !== tables) {
          await client.query(`SET search_path TO ${quoted(tables)}`);
          this.#paths.set(client, tables);
        }
        return work(new Session(client, this.#names), client);
      });
    } catch (error) {
      if (!isGone(error)) throw error;
      await this.#replace(tables);
      throw new IndexUnavailableError(this.#own.deleted, { cause: error });
    }
  }

  #findTables(broken?: string): Promise<string> {
    this.#tables ??= this.#withClient((client) => this.#own.create(client, broken)).then(
      (tables) => {
        if (this.#known !== undefined && this.#known !== tables) this.#replaced += 1;
        this.#known = tables;
        return tables;
      },
      (error) => {
        this.#tables = undefined; // the next one to ask tries again
        throw error;
      },
    );
    return this.#tables;
  }

  /** Some of the tables are gone: what is left of them goes too, unless another request has seen to it. */
  async #replace(broken: string): Promise<void> {
    if (this.#known === broken) {
      this.#known = undefined;
      this.#tables = undefined;
      this.#replaced += 1;
    }
    await this.#findTables(broken);
  }

  async #greet(client: pg.ClientBase): Promise<void> {
    client.on('error', () => {}); // while somebody uses it, what he asked for fails: that is told enough
    const { rows } = await client.query(`SELECT ${TIMELINE} AS timeline`);
    const timeline = String(rows[0]?.timeline);
    if (this.#timeline !== undefined && this.#timeline !== timeline) this.#replaced += 1;
    this.#timeline = timeline;
  }

  async #withClient<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error) => {
      throw unreachable(error);
    });
    let lost = false;
    try {
      return await work(client);
    } catch (error) {
      lost = isLost(error);
      throw error;
    } finally {
      client.release(lost);
    }
  }
}

/** Numbers are numbers: none is beyond what a double holds exactly. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text');
