import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IndexUnavailableError, type MetadataIndex, openPostgres } from '../../src/index/index.js';
import { parseTag } from '../../src/oci/index.js';
import { app, describeMetadataIndex, digest, manifest, now } from '../index/contract.js';
import { BerthProcess } from '../support/berth-process.js';
import { http } from '../support/http.js';
import { PostgresServer } from '../support/postgres-server.js';

const TERMINATE = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1';

let server: PostgresServer;
let places = 0;

beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

describeMetadataIndex('PostgreSQL', async () => {
  const index = await openIndex(newPlace());
  return { index, [Symbol.asyncDispose]: () => index.close() };
});

describe('PostgresIndex', () => {
  it('is made once, by whichever of several servers is first', async () => {
    const place = newPlace();
    const indexes = await Promise.all(Array.from({ length: 6 }, () => openIndex(place)));
    await Promise.all(indexes.map((index) => index.putManifest(app, manifest('a'), [parseTag('v1')])));
    expect(await indexes[0]?.versions()).toEqual(new Map([[app, 6]]));
    expect(await schemas(place)).toHaveLength(1);
    expect(indexes.map(({ generation }) => generation)).toEqual([0, 0, 0, 0, 0, 0]);
    await Promise.all(indexes.map((index) => index.close()));
  });

  it('keeps changes of one repository apart that several servers make at once', async () => {
    const place = newPlace();
    const [even, odd] = [await openIndex(place), await openIndex(place)];
    const letters = [...'0123456789abcdef'];
    await Promise.all(
      letters.flatMap((letter, at) => {
        const [one, two] = at % 2 ? [even, odd] : [odd, even];
        const pulls = [{ repository: app, key: { digest: digest(letter) }, at: now }];
        return [
          one.putManifest(app, manifest(letter), [parseTag('latest')]).then(() => two.recordPulls(pulls)),
          two.putBlob(app, { digest: digest(letter), canonical: digest(letter), size: 1, linkedAt: now }),
        ];
      }),
    );
    await Promise.all(
      letters.map((letter, at) => (at % 2 ? even : odd).dropManifests(app, [digest(letter)])),
    );
    expect(await even.listRepositories({ limit: 9 })).toEqual([]);
    expect((await even.contents(app)).blobs.size).toBe(16);
    expect((await even.versions()).get(app)).toBe(48);
    await Promise.all([even.close(), odd.close()]);
  });

  it('says that it is unavailable while the database is away, and goes on when it is back', async () => {
    await server.stop();
    const place = newPlace();
    const index = await openIndex(place); // a server may start before the database does
    const failure = await index.check().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(IndexUnavailableError);
    expect(failure).toMatchObject({
      message: expect.stringMatching(/^the index cannot be used: its database cannot be reached: .*ECONNREF/),
    });
    await server.startAgain();
    await index.putManifest(app, manifest('a'), []);
    await server.stop('SIGKILL');
    await expect(index.check()).rejects.toThrow(IndexUnavailableError);
    await server.startAgain();
    expect(await index.hasManifests(app)).toBe(true);
    await server.query(TERMINATE, ['berth']);
    expect(await index.hasManifests(app)).toBe(true); // over connections that it took to be open
    const busy = Promise.allSettled(Array.from({ length: 40 }, () => index.usage()));
    await server.query(TERMINATE, ['berth']);
    for (const outcome of await busy)
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(IndexUnavailableError);
    expect(index.generation).toBe(0);
    await index.comparison.end(index.generation);
    await server.stop();
    await server.promote();
    await index.check();
    // A standby may lack what was written last: all has to be compared anew.
    expect(index.generation).toBe(1);
    expect((await index.comparison.get()).complete).toBe(false);
    await index.comparison.end(index.generation);
    expect((await index.comparison.get()).complete).toBe(true);
    await index.close();
  });

  it.each([
    { what: 'all of it', drop: (schema: string) => `DROP SCHEMA ${schema} CASCADE` },
    { what: 'a table', drop: (schema: string) => `DROP TABLE ${schema}.tags` },
  ])('notices that $what was deleted, in every server', async ({ drop }) => {
    const place = newPlace();
    const [one, two] = [await openIndex(place), await openIndex(place)];
    await one.putManifest(app, manifest('a'), [parseTag('v1')]);
    await two.check();
    const [schema = ''] = await schemas(place);
    await server.query(drop(schema));
    for (const { reason } of (await Promise.allSettled(
      Array.from({ length: 3 }, () => one.listTags(app, { limit: 1 })),
    )) as PromiseRejectedResult[])
      expect(String(reason)).toContain('was deleted and is made anew');
    expect(await one.versions()).toEqual(new Map());
    expect(one.generation).toBe(1);
    // The other one never mistakes the new tables for those that it knew.
    await expect(two.unlinked([digest('a')])).rejects.toThrow(IndexUnavailableError);
    expect(two.generation).toBe(1);
    expect(await two.unlinked([digest('a')])).toEqual([digest('a')]);
    expect(await schemas(place)).toHaveLength(1);
    await Promise.all([one.close(), two.close()]);
  });

  it('is made anew after an older version, and refuses that of a newer one', async () => {
    const place = newPlace();
    await server.query(`CREATE SCHEMA ${place}_v0_12; CREATE TABLE ${place}_v0_12.tags (name TEXT)`);
    await server.query(`CREATE SCHEMA ${place}_videos`);
    const index = await openIndex(place);
    await index.check();
    const [schema = '', ...others] = (await schemas(place)).sort();
    expect(schema).toMatch(/_v1_\d+$/);
    expect(others).toEqual([`${place}_videos`]);
    await server.query(`DROP SCHEMA ${schema} CASCADE; CREATE SCHEMA ${place}_v999_1`); // as a newer version does
    await expect(index.check()).rejects.toThrow('made anew by a newer version of Berth');
    await expect(index.check()).rejects.toThrow(IndexUnavailableError);
    await index.close();
  });

  it('is what balancers are told of, who ask for /', async () => {
    const schema = newPlace();
    const index = { postgresql: { url: server.url(), schema } };
    await using berth = await BerthProcess.start({ config: { berth: { index } } });
    const home = async () => (await http(`${berth.url}/`)).status;
    await expect.poll(home).toBe(200);
    await server.stop();
    expect(await home()).toBe(503);
    await server.startAgain();
    expect(await home()).toBe(200);
    const [tables = ''] = await schemas(schema);
    await server.query(`DROP SCHEMA ${tables} CASCADE; CREATE SCHEMA ${schema}_v999_1`);
    expect(await home()).toBe(503);
  });

  it('is of one registry only, and has no part of another', async () => {
    const place = newPlace();
    const open = async (registry: () => Promise<string>) =>
      (await openPostgres({ url: server.url(), connections: 2, schema: place, registry })).index;
    const [one, same, other] = [
      await open(async () => 'one'),
      await open(async () => 'one'),
      await open(async () => 'other'),
    ];
    await one.putManifest(app, manifest('a'), []);
    expect(await same.hasManifests(app)).toBe(true);
    await expect(other.hasManifests(app)).rejects.toThrow('has the index of another registry');
    const away = await open(() => Promise.reject(new Error('the bucket is away')));
    await expect(away.check()).rejects.toThrow(/^the index cannot be used: .*: the bucket is away$/);
    await Promise.all([one, same, other, away].map((index) => index.close()));
  });

  it.each([
    { what: 'a wrong database', url: async () => server.url('none'), says: 'there is no such database' },
    {
      what: 'a wrong password',
      url: async () => server.url().replace(/:[^:@]*@/, ':wrong@'),
      says: 'does not let us in',
    },
    {
      what: 'a wrong encoding',
      url: () =>
        server.createDatabase(
          'ascii',
          "ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0",
        ),
      says: "make one with ENCODING 'UTF8'",
    },
    {
      what: 'a certificate that nobody vouches for',
      url: async () => `${server.url()}?sslmode=verify-full`,
      says: 'certificate',
    },
  ])('explains $what', async ({ url, says }) => {
    const index = await openIndex('berth', { url: await url() });
    const failure = await index.check().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(IndexUnavailableError);
    expect(String(failure)).toContain(says);
    await index.close();
  });

  it.each([
    { query: 'sslmode=disable', encrypted: false },
    { query: 'sslmode=require', encrypted: true },
    { query: 'sslmode=verify-full&sslrootcert=', encrypted: true },
  ])('speaks TLS as PostgreSQL means it: $query', async ({ query, encrypted }) => {
    const name = newPlace(); // connections of others may still be about to end
    const url = `${server.url()}?application_name=${name}&${query}${query.endsWith('=') ? server.caFile : ''}`;
    const index = await openIndex('berth', { url });
    await index.check();
    const [found] = await server.query(
      'SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = $1',
      [name],
    );
    expect(found?.ssl).toBe(encrypted);
    await index.close();
  });

  it('leaves nothing open where no password can be had', async () => {
    const url = `${server.url().replace(/:[^:@]*@/, '@')}`;
    const password = () => Promise.reject(new Error('there is no such file'));
    await expect.poll(openSockets).toBe(0); // those of other tests may be about to close
    const { index, locks } = await openPostgres({ url, password, connections: 2, schema: 'berth' });
    await expect(index.check()).rejects.toThrow('cannot be reached: there is no such file');
    await expect(locks.acquire('x', 'alone')).rejects.toThrow('cannot be reached: there is no such file');
    await expect.poll(openSockets).toBe(0);
    await Promise.all([index.close(), locks[Symbol.asyncDispose]()]);
  });

  it('has no more connections than it may', async () => {
    const index = await openIndex(newPlace(), { name: 'few', connections: 2 });
    expect(await Promise.all(Array.from({ length: 50 }, () => index.versions()))).toHaveLength(50);
    const [open] = await server.query(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'few'",
    );
    expect(open?.count).toBe(2);
    await index.close();
  });
});

async function openIndex(
  schema: string,
  options: { url?: string; connections?: number; name?: string } = {},
): Promise<MetadataIndex> {
  const { name = 'berth', connections = 4, url = `${server.url()}?application_name=${name}` } = options;
  return (await openPostgres({ url, connections, schema })).index;
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

/** Making a database takes longer than most of the tests. */
function newPlace(): string {
  places += 1;
  return `test_${places}`;
}

async function schemas(place: string): Promise<string[]> {
  const rows = await server.query('SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)', [
    `${place}_v`,
  ]);
  return rows.map(({ nspname }) => String(nspname));
}
