import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IndexUnavailableError, openKeptTables, openPostgres } from '../../src/index/index.js';
import { PostgresQueue, QUEUE_TABLES } from '../../src/registry/events/index.js';
import { deliver, describeEventQueue, events, FOREVER, next } from '../registry/events/queue-contract.js';
import { PostgresServer } from '../support/postgres-server.js';

let server: PostgresServer;
let places = 0;

beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

describeEventQueue('PostgreSQL', () => openQueue(newPlace()));

describe('PostgresQueue', () => {
  it('is one for all servers, which put events in at the same time', async () => {
    const place = newPlace();
    await using one = await openQueue(place);
    await using other = await openQueue(place);
    const tags = Array.from({ length: 40 }, (_, i) => `v${i}`);
    const bounded = { durable: true, maxWaiting: () => 30 };
    const seen: string[] = [];
    const putting = Promise.all(
      tags.map((tag, i) => (i % 2 ? one : other).put(events([tag], ['a', 'b']), i < 20 ? FOREVER : bounded)),
    );
    for (let i = 0; i < 5; i += 1) {
      seen.push(...(await next(one, 'b')).slice(0, 1));
      await deliver(other, 'b', 1);
    }
    const dropped = (await putting).map((counts) => counts.get('a') ?? 0);
    expect(dropped.reduce((sum, count) => sum + count)).toBe(10);
    expect((await next(one, 'a')).length).toBe(30);
    expect((await one.waiting()).get('a')).toBe(30);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('takes nothing twice from those who did not hear that it came in', async () => {
    await using queue = await openQueue(newPlace());
    const same = events(['v1', 'v2'], ['a']);
    await queue.put(same.slice(0, 1), FOREVER);
    await queue.put(same, FOREVER);
    expect(await next(queue, 'a')).toEqual(['v1', 'v2']);
    expect(await queue.waiting()).toEqual(new Map([['a', 2]]));
  });

  it('stays when the index is made anew, and is made anew where it was deleted', async () => {
    const place = newPlace();
    await using queue = await openQueue(place);
    await queue.put(events(['v1'], ['a']), FOREVER);
    await server.query(`CREATE SCHEMA ${place}_v0_12`); // of an older version
    const { index, locks } = await openPostgres({ url: server.url(), connections: 2, schema: place });
    await index.check();
    await Promise.all([index.close(), locks[Symbol.asyncDispose]()]);
    expect(await next(queue, 'a')).toEqual(['v1']);
    await server.query(`DROP TABLE ${place}_events.deliveries`);
    await expect(queue.next('a', 1)).rejects.toThrow(`tables of ${place}_events were deleted`);
    expect((await queue.list({ limit: 10 })).map(({ tag }) => tag)).toEqual(['v1']);
    await server.query(`DROP SCHEMA ${place}_events CASCADE`);
    await expect(queue.put(events(['v2'], ['a']), FOREVER)).rejects.toThrow(IndexUnavailableError);
    await queue.put(events(['v3'], ['a']), FOREVER);
    expect(await next(queue, 'a')).toEqual(['v3']);
  });

  it('is of one registry, and of versions that know it', async () => {
    const place = newPlace();
    await using queue = await openQueue(place, async () => 'one');
    await queue.put(events(['v1'], ['a']), FOREVER);
    await using other = await openQueue(place, async () => 'other');
    await expect(other.retain([])).rejects.toThrow('of another registry');
    await using command = await openQueue(place); // has no files to know it by
    expect(await next(command, 'a')).toEqual(['v1']);
    await server.query(`UPDATE ${place}_events.history SET version = 999`);
    await using older = await openQueue(place);
    await expect(older.waiting()).rejects.toThrow('of a newer version of Berth (999)');
  });

  it('survives the database, and takes events when that is back', async () => {
    await using queue = await openQueue(newPlace());
    await queue.put(events(['v1'], ['a']), FOREVER);
    await server.stop('SIGKILL');
    await expect(queue.put(events(['v2'], ['a']), FOREVER)).rejects.toThrow(IndexUnavailableError);
    await server.startAgain();
    await queue.put(events(['v3'], ['a']), FOREVER);
    expect(await next(queue, 'a')).toEqual(['v1', 'v3']);
  });
});

function newPlace(): string {
  places += 1;
  return `queue_${places}`;
}

async function openQueue(schema: string, registry?: () => Promise<string>): Promise<PostgresQueue> {
  const options = { url: server.url(), connections: 2, schema, ...(registry && { registry }) };
  return new PostgresQueue(await openKeptTables(options, QUEUE_TABLES));
}
