import type { AddressedEvent, Delivery, EventQueue, Keep, KeptEvent } from './event-queue.js';
import { QueueFile } from './queue-file.js';

type Counts = ReadonlyMap<string, number>;

/** Events that are looked at in one go. */
const PRUNE_EVENTS = 500;

/** The queue of one machine, in a file that several processes may write. */
export class SqliteQueue implements EventQueue {
  readonly #file: QueueFile;
  /** The last event that was looked at by `prune`: those before it have to stay for a while. */
  #prunedTo = 0;

  /** @param path a file, or `:memory:`. @throws when it cannot be used. */
  constructor(path: string) {
    this.#file = new QueueFile(path);
  }

  async put(
    events: readonly AddressedEvent[],
    { durable, maxWaiting }: { durable: boolean; maxWaiting: (endpoint: string) => number },
  ): Promise<Counts> {
    const { sql } = this.#file;
    const dropped = sql.transaction(() => {
      const added = new Map<string, number>();
      for (const { event, endpoints } of events) {
        const seq = this.#insert(event);
        for (const endpoint of endpoints) {
          sql.run('INSERT INTO deliveries (endpoint, event) VALUES (?1, ?2)', endpoint, seq);
          added.set(endpoint, (added.get(endpoint) ?? 0) + 1);
        }
      }
      const excess = new Map<string, number>();
      for (const [endpoint, count] of added) {
        const over = this.#count(endpoint, count) - maxWaiting(endpoint);
        if (over > 0) excess.set(endpoint, this.#giveUp(endpoint, over));
      }
      return excess;
    });
    if (durable) await this.#file.sync();
    return dropped;
  }

  async next(endpoint: string, limit: number): Promise<Delivery[]> {
    const rows = this.#file.sql.all(
      `SELECT d.id, e.body FROM deliveries d JOIN events e ON e.seq = d.event
       WHERE d.endpoint = ?1 AND d.delivered_at IS NULL ORDER BY d.id LIMIT ?2 + 0`,
      endpoint,
      limit,
    );
    return rows.map((row) => ({ id: Number(row.id), body: String(row.body) }));
  }

  async delivered(ids: readonly number[], at: Date): Promise<void> {
    const { sql } = this.#file;
    sql.transaction(() => {
      const done = new Map<string, number>();
      for (const id of ids) {
        const row = sql.get(
          'UPDATE deliveries SET delivered_at = ?2 WHERE id = ?1 AND delivered_at IS NULL RETURNING endpoint',
          id,
          at.getTime(),
        );
        if (row) done.set(String(row.endpoint), (done.get(String(row.endpoint)) ?? 0) + 1);
      }
      for (const [endpoint, count] of done) this.#count(endpoint, -count);
    });
  }

  async waiting(): Promise<Counts> {
    return this.#waiting();
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
    const { sql } = this.#file;
    const rows = sql.all(
      `SELECT seq, id, at, action, repository, tag, digest, media_type FROM events
       WHERE seq > ?1 AND at >= ?2 ORDER BY seq LIMIT ?3 + 0`,
      after,
      since?.getTime() ?? 0,
      limit,
    );
    return rows.map((row) => ({
      seq: Number(row.seq),
      id: String(row.id),
      at: new Date(Number(row.at)),
      action: row.action as KeptEvent['action'], // as it was put in
      repository: String(row.repository),
      tag: textOf(row.tag),
      digest: textOf(row.digest),
      mediaType: textOf(row.media_type),
      deliveries: this.#deliveriesOf(Number(row.seq)),
    }));
  }

  async again(endpoint: string, seqs: readonly number[]): Promise<number> {
    const { sql } = this.#file;
    const count = sql.transaction(() => {
      let added = 0;
      for (const seq of seqs) {
        added += sql.run(
          `INSERT INTO deliveries (endpoint, event) SELECT ?1, seq FROM events WHERE seq = ?2
           AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event = ?2 AND endpoint = ?1 AND delivered_at IS NULL)`,
          endpoint,
          seq,
        ).changes;
      }
      this.#count(endpoint, added);
      return added;
    });
    await this.#file.sync();
    return count;
  }

  async retain(endpoints: readonly string[]): Promise<Counts> {
    const { sql } = this.#file;
    return sql.transaction(() => {
      const others = [...this.#waiting()].filter(([name, count]) => count > 0 && !endpoints.includes(name));
      for (const [endpoint, count] of others) this.#giveUp(endpoint, count);
      return new Map(others);
    });
  }

  async prune({ since, most }: Keep): Promise<boolean> {
    const { sql } = this.#file;
    return sql.transaction(() => {
      const beyond = sql.get('SELECT seq FROM events ORDER BY seq DESC LIMIT 1 OFFSET ?1 + 0', most);
      const rows = sql.all(
        'SELECT seq FROM events WHERE seq > ?1 AND (at < ?2 OR seq <= ?3) ORDER BY seq LIMIT ?4 + 0',
        this.#prunedTo,
        since.getTime(),
        Number(beyond?.seq ?? 0),
        PRUNE_EVENTS,
      );
      for (const { seq } of rows) this.#forget(Number(seq));
      const last = rows.at(-1);
      const more = rows.length === PRUNE_EVENTS;
      this.#prunedTo = more ? Number(last?.seq) : 0; // then from the beginning: some wait no longer
      return more;
    });
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #insert({ id, at, action, repository, tag, digest, mediaType, body }: AddressedEvent['event']): number {
    return this.#file.sql.run(
      `INSERT INTO events (id, at, action, repository, tag, digest, media_type, body)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
      id,
      at.getTime(),
      action,
      repository,
      tag ?? null,
      digest ?? null,
      mediaType ?? null,
      body,
    ).rowid;
  }

  /** @returns how many wait now. */
  #count(endpoint: string, more: number): number {
    const row = this.#file.sql.get(
      `INSERT INTO waiting VALUES (?1, ?2)
       ON CONFLICT (endpoint) DO UPDATE SET count = count + ?2 RETURNING count`,
      endpoint,
      more,
    );
    return Number(row?.count);
  }

  #waiting(): Counts {
    const rows = this.#file.sql.all('SELECT endpoint, count FROM waiting');
    return new Map(rows.map((row) => [String(row.endpoint), Number(row.count)]));
  }

  /** The oldest that wait. */
  #giveUp(endpoint: string, count: number): number {
    const { changes } = this.#file.sql.run(
      `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries
       WHERE endpoint = ?1 AND delivered_at IS NULL ORDER BY id LIMIT ?2 + 0)`,
      endpoint,
      count,
    );
    this.#count(endpoint, -changes);
    return changes;
  }

  #forget(seq: number): void {
    const { sql } = this.#file;
    const waits = sql.get('SELECT 1 FROM deliveries WHERE event = ?1 AND delivered_at IS NULL LIMIT 1', seq);
    if (waits) return;
    sql.run('DELETE FROM deliveries WHERE event = ?1', seq);
    sql.run('DELETE FROM events WHERE seq = ?1', seq);
  }

  #deliveriesOf(seq: number): KeptEvent['deliveries'] {
    const rows = this.#file.sql.all(
      'SELECT endpoint, delivered_at FROM deliveries WHERE event = ?1 ORDER BY id',
      seq,
    );
    return rows.map((row) => ({
      endpoint: String(row.endpoint),
      deliveredAt: row.delivered_at === null ? undefined : new Date(Number(row.delivered_at)),
    }));
  }
}

function textOf(value: unknown): string | undefined {
  return value === null ? undefined : String(value);
}
