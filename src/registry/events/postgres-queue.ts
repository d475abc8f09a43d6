import type { Database, KeptTables, Session } from '../../index/index.js';
import type { AddressedEvent, Delivery, EventQueue, Keep, KeptEvent } from './event-queue.js';

type Counts = ReadonlyMap<string, number>;
type Row = Readonly<Record<string, unknown>>;

/** Events that are forgotten in one go. */
const PRUNE_EVENTS = 500;

/** Times are milliseconds since 1970. `waiting` counts what has no `delivered_at`, which would take long to count. */
export const QUEUE_TABLES: KeptTables = {
  name: 'events',
  versions: [
    `
CREATE TABLE IF NOT EXISTS events (
  seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  at BIGINT NOT NULL,
  action TEXT NOT NULL,
  repository TEXT NOT NULL,
  tag TEXT,
  digest TEXT,
  media_type TEXT,
  body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  endpoint TEXT COLLATE "C" NOT NULL,
  event BIGINT NOT NULL,
  delivered_at BIGINT
);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (endpoint, id) WHERE delivered_at IS NULL;
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS waiting (
  endpoint TEXT COLLATE "C" PRIMARY KEY,
  count BIGINT NOT NULL
);
`,
  ],
};

/** The queue of any number of servers, in the database that has their index. Every commit is durable. */
export class PostgresQueue implements EventQueue {
  readonly #db: Database;

  /** @param db with QUEUE_TABLES. */
  constructor(db: Database) {
    this.#db = db;
  }

  /** An event that is there already, since nobody heard that it came in, does not come in again. */
  put(
    events: readonly AddressedEvent[],
    { maxWaiting }: { durable: boolean; maxWaiting: (endpoint: string) => number },
  ): Promise<Counts> {
    return this.#change(async (session) => {
      const seqs = await insert(session, events);
      const addressed = events.flatMap(({ event, endpoints }) => {
        const seq = seqs.get(event.id);
        return seq === undefined ? [] : endpoints.map((endpoint) => ({ endpoint, seq }));
      });
      await address(session, addressed);
      const excess = new Map<string, number>();
      for (const [endpoint, waiting] of await count(session, tally(addressed))) {
        const over = waiting - maxWaiting(endpoint);
        if (over > 0) excess.set(endpoint, await giveUp(session, endpoint, over));
      }
      return excess;
    });
  }

  async next(endpoint: string, limit: number): Promise<Delivery[]> {
    const rows = await this.#db.all(
      `SELECT d.id, e.body FROM deliveries d JOIN events e ON e.seq = d.event
       WHERE d.endpoint = $1 AND d.delivered_at IS NULL ORDER BY d.id LIMIT $2`,
      endpoint,
      limit,
    );
    return rows.map((row) => ({ id: Number(row.id), body: String(row.body) }));
  }

  delivered(ids: readonly number[], at: Date): Promise<void> {
    return this.#change(async (session) => {
      const rows = await session.all(
        'UPDATE deliveries SET delivered_at = $2 WHERE id = ANY($1::bigint[]) AND delivered_at IS NULL RETURNING endpoint',
        ids,
        at.getTime(),
      );
      await count(session, tally(rows), -1);
    });
  }

  async waiting(): Promise<Counts> {
    return countsIn(await this.#db.all('SELECT endpoint, count FROM waiting'));
  }

  async list({
    since,
    after = 0,
    limit,
  }: {
    since?: Date;
    after?: number;
    limit: number;
  }): Promise<KeptEvent[]> {
    const rows = await this.#db.all(
      `SELECT seq, id, at, action, repository, tag, digest, media_type,
         (SELECT json_agg(json_build_object('endpoint', endpoint, 'at', delivered_at) ORDER BY d.id)
          FROM deliveries d WHERE d.event = seq) AS deliveries
       FROM events WHERE seq > $1 AND at >= $2 ORDER BY seq LIMIT $3`,
      after,
      since?.getTime() ?? 0,
      limit,
    );
    return rows.map(keptEvent);
  }

  again(endpoint: string, seqs: readonly number[]): Promise<number> {
    return this.#change(async (session) => {
      const added = await session.run(
        `INSERT INTO deliveries (endpoint, event) SELECT $1::text, e.seq
         FROM unnest($2::bigint[]) WITH ORDINALITY AS asked (seq, place) JOIN events e ON e.seq = asked.seq
         WHERE NOT EXISTS (SELECT 1 FROM deliveries d
           WHERE d.event = e.seq AND d.endpoint = $1 AND d.delivered_at IS NULL)
         ORDER BY place`,
        endpoint,
        seqs,
      );
      await count(session, new Map([[endpoint, added]]));
      return added;
    });
  }

  retain(endpoints: readonly string[]): Promise<Counts> {
    return this.#change(async (session) => {
      const sql = 'SELECT endpoint, count FROM waiting WHERE count > 0 AND endpoint <> ALL($1::text[])';
      const others = countsIn(await session.all(sql, endpoints));
      for (const [endpoint, waiting] of others) await giveUp(session, endpoint, waiting);
      return others;
    });
  }

  async prune({ since, most }: Keep): Promise<boolean> {
    const forgotten = await this.#change((session) =>
      session.run(
        `WITH old AS (
           SELECT seq FROM events WHERE
             (at < $1 OR seq <= (SELECT seq FROM events ORDER BY seq DESC LIMIT 1 OFFSET $2))
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event = seq AND delivered_at IS NULL)
           ORDER BY seq LIMIT $3),
         gone AS (DELETE FROM deliveries WHERE event IN (SELECT seq FROM old))
         DELETE FROM events WHERE seq IN (SELECT seq FROM old)`,
        since.getTime(),
        most,
        PRUNE_EVENTS,
      ),
    );
    return forgotten === PRUNE_EVENTS;
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** One change after the other, by whichever server: else what is counted later could be seen earlier. */
  #change<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#db.transaction(async (session) => {
      await session.run('LOCK TABLE waiting IN EXCLUSIVE MODE');
      return work(session);
    });
  }
}

/** @returns the numbers of those that are new, by id. */
async function insert(
  session: Session,
  events: readonly AddressedEvent[],
): Promise<ReadonlyMap<string, number>> {
  const all = events.map(({ event }) => event);
  const rows = await session.all(
    `INSERT INTO events (id, at, action, repository, tag, digest, media_type, body)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
     ON CONFLICT (id) DO NOTHING RETURNING id, seq`,
    all.map(({ id }) => id),
    all.map(({ at }) => at.getTime()),
    all.map(({ action }) => action),
    all.map(({ repository }) => repository),
    all.map(({ tag }) => tag ?? null),
    all.map(({ digest }) => digest ?? null),
    all.map(({ mediaType }) => mediaType ?? null),
    all.map(({ body }) => body),
  );
  return new Map(rows.map((row) => [String(row.id), Number(row.seq)]));
}

async function address(
  session: Session,
  addressed: readonly Readonly<{ endpoint: string; seq: number }>[],
): Promise<void> {
  await session.run(
    'INSERT INTO deliveries (endpoint, event) SELECT * FROM unnest($1::text[], $2::bigint[])',
    addressed.map(({ endpoint }) => endpoint),
    addressed.map(({ seq }) => seq),
  );
}

/** The oldest that wait. */
async function giveUp(session: Session, endpoint: string, most: number): Promise<number> {
  const gone = await session.run(
    `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries
     WHERE endpoint = $1 AND delivered_at IS NULL ORDER BY id LIMIT $2)`,
    endpoint,
    most,
  );
  await count(session, new Map([[endpoint, gone]]), -1);
  return gone;
}

/** @returns how many wait now. */
async function count(session: Session, more: Counts, sign: 1 | -1 = 1): Promise<Counts> {
  const rows = await session.all(
    `INSERT INTO waiting SELECT * FROM unnest($1::text[], $2::bigint[])
     ON CONFLICT (endpoint) DO UPDATE SET count = waiting.count + excluded.count RETURNING endpoint, count`,
    [...more.keys()],
    [...more.values()].map((each) => sign * each),
  );
  return countsIn(rows);
}

function tally(rows: readonly Row[]): Counts {
  const counts = new Map<string, number>();
  for (const { endpoint } of rows) counts.set(String(endpoint), (counts.get(String(endpoint)) ?? 0) + 1);
  return counts;
}

function countsIn(rows: readonly Row[]): Counts {
  return new Map(rows.map((row) => [String(row.endpoint), Number(row.count)]));
}

/** Rows hold only what was put in: hence the casts. */
function keptEvent(row: Row): KeptEvent {
  const deliveries = (row.deliveries ?? []) as readonly { endpoint: string; at: number | null }[];
  return {
    seq: Number(row.seq),
    id: String(row.id),
    at: new Date(Number(row.at)),
    action: row.action as KeptEvent['action'],
    repository: String(row.repository),
    tag: (row.tag ?? undefined) as string | undefined,
    digest: (row.digest ?? undefined) as string | undefined,
    mediaType: (row.media_type ?? undefined) as string | undefined,
    deliveries: deliveries.map(({ endpoint, at }) => ({
      endpoint,
      deliveredAt: at === null ? undefined : new Date(at),
    })),
  };
}
