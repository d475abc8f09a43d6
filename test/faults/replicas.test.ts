import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { BERTH, type BerthOptions, BerthProcess } from '../support/berth-process.js';
import { EventReceiver } from '../support/event-receiver.js';
import { freePort } from '../support/free-port.js';
import { HaProxy } from '../support/haproxy.js';
import { http } from '../support/http.js';
import { startDocumentedNginx } from '../support/nginx.js';
import { PostgresServer } from '../support/postgres-server.js';
import { pushImage, sha256, testImage } from '../support/push.js';
import { run } from '../support/run.js';
import { createBucket, onBucket, restartS3, type TestBucket } from '../support/s3.js';
import { seedOfRun } from '../support/seed.js';
import { Crowd } from './crowd.js';
import { thingOf } from './names.js';
import { Random } from './random.js';
import { verify } from './verify.js';

const SHARED = 'replicas/shared';
const REPOSITORIES = ['replicas/one', 'replicas/two', 'replicas/three', SHARED, SHARED];
const PATIENCE = { timeout: 30_000, interval: 50 };
/** Until the balancer has seen that a server is there, or is not. */
const NOTICED_MS = 1200;

let bucket: TestBucket;
let postgres: PostgresServer;
let receiver: EventReceiver;
let balancer: HaProxy;
let ports: number[];
const replicas: BerthProcess[] = [];

beforeAll(async () => {
  [bucket, postgres, receiver, ports] = await Promise.all([
    createBucket(),
    PostgresServer.start(),
    EventReceiver.start(),
    Promise.all([freePort(), freePort()]),
  ]);
  // Both at once: the tables are made once.
  replicas.push(...(await Promise.all(ports.map((port) => BerthProcess.start(options(port))))));
  balancer = await HaProxy.start(replicas.map(({ address }) => address));
});
afterAll(async () => {
  await balancer?.[Symbol.asyncDispose]();
  for (const replica of replicas) {
    await replica.stop('SIGKILL');
    await replica[Symbol.asyncDispose]();
  }
  await postgres?.[Symbol.asyncDispose]();
  await receiver?.[Symbol.asyncDispose]();
  bucket?.client.destroy();
});

describe('two replicas behind a balancer', () => {
  it('are one registry: uploads hop, and what one removes the other does not have', async () => {
    const [one, two] = [url(0), url(1)];
    const bytes = Buffer.alloc(300_000, 'hop');
    const begun = await http(`${one}/v2/hop/app/blobs/uploads/`, { method: 'POST' });
    const path = new URL(begun.headers.location ?? '', one).pathname;
    for (const [i, at] of [two, one, two].entries()) {
      const part = bytes.subarray(i * 100_000, (i + 1) * 100_000);
      const headers = { 'content-range': `${i * 100_000}-${(i + 1) * 100_000 - 1}` };
      const answer = await http(`${at}${path}`, { method: 'PATCH', body: part, headers });
      expect(answer.status, answer.body.toString()).toBe(202);
    }
    const end = await http(`${one}${path}?digest=${sha256(bytes)}`, { method: 'PUT' });
    expect(end.status).toBe(201);
    const blob = `/v2/hop/app/blobs/${sha256(bytes)}`;
    expect((await http(`${two}${blob}`)).body).toEqual(bytes);
    expect((await http(`${two}${blob}`, { method: 'HEAD' })).status).toBe(200);
    // Nothing names the blob: a command has it removed, by either server.
    expect(await collect()).toContain('1 blob');
    for (const at of [one, two]) {
      expect((await http(`${at}${blob}`, { method: 'HEAD' })).status).toBe(404);
      const mount = `${at}/v2/hop/other/blobs/uploads/?mount=${sha256(bytes)}&from=hop/app`;
      expect((await http(mount, { method: 'POST' })).status).toBe(202);
    }
    await pushImage(one, 'hop/app', 'v1', testImage('hop'));
    expect((await http(`${two}/v2/hop/app/manifests/v1`)).status).toBe(200);
    expect((await http(`${two}/v2/hop/app/manifests/v1`, { method: 'DELETE' })).status).toBe(202);
    expect((await http(`${one}/v2/hop/app/manifests/v1`)).status).toBe(404);
  });

  it('tell of what each of them did, in order, whichever of them is there to do it', async () => {
    const tags = () => receiver.events('/ci').map(({ target }) => target.tag);
    await expect.poll(tags, PATIENCE).toEqual(['v1', 'v1']);
    await receiver.down();
    for (const [i, tag] of ['v2', 'v3', 'v4'].entries())
      await pushImage(url(i % 2), 'hop/app', tag, testImage('hop'));
    // What one of them was told of is not lost with it, nor does it wait for its return.
    await replicas[0]?.stop('SIGKILL');
    await receiver.up();
    await expect.poll(tags, PATIENCE).toEqual(['v1', 'v1', 'v2', 'v3', 'v4']);
    await restart(0);
    expect(await command('events', 'replay', '--since', '1h')).toContain('5 events to ci again');
    await expect.poll(() => tags().length, PATIENCE).toBe(10);
    expect((await command('events', 'list', '--waiting')).split('\n')).toHaveLength(2);
  });

  it('lose nothing behind nginx, as the documentation sets it up, while one is started anew', async () => {
    await using nginx = await startDocumentedNginx(replicas.map(({ address }) => address));
    const [at = ''] = nginx.urls;
    const { ca } = nginx;
    const bytes = Buffer.alloc(4_000_000, 'nginx');
    const failures: unknown[] = [];
    const stop = new AbortController();
    /** In parts, of which each goes to whichever server is next. */
    const upload = async () => {
      const begun = await http(`${at}/v2/hop/nginx/blobs/uploads/`, { method: 'POST', ca });
      const place = new URL(begun.headers.location ?? '', at);
      for (const from of [0, 1_000_000, 2_000_000, 3_000_000]) {
        const headers = { 'content-range': `${from}-${from + 999_999}` };
        const body = bytes.subarray(from, from + 1_000_000);
        const { status } = await http(place.href, { method: 'PATCH', body, headers, ca });
        if (status !== 202) failures.push(status);
      }
      place.searchParams.set('digest', sha256(bytes));
      const { status } = await http(place.href, { method: 'PUT', ca });
      if (status !== 201) failures.push(status);
      const pulled = await http(`${at}/v2/hop/nginx/blobs/${sha256(bytes)}`, { ca });
      if (!pulled.body.equals(bytes)) failures.push(pulled.status);
    };
    const uploading = (async () => {
      while (!stop.signal.aborted) await upload().catch((error) => failures.push(error));
    })();
    await sleep(500);
    expect(await replicas[0]?.stop()).toBe(0);
    await restart(0);
    await sleep(500);
    stop.abort();
    await uploading;
    expect(failures).toEqual([]);
  });

  it('keep every promise while each of the parts is restarted or killed', { timeout: 180_000 }, async () => {
    const seed = seedOfRun();
    console.log(`BERTH_FAULT_SEED=${seed}`);
    onTestFailed(() => console.log(output()));
    const random = new Random(seed);
    const crowd = new Crowd({ url: balancer.url, seed, random, repositories: REPOSITORIES, shared: SHARED });
    const { gate, ledger, tally } = crowd;
    crowd.start();
    const work = () => Promise.all([crowd.work(60, 0), sleep(1000)]); // also where the machine is slow
    const check = async (what: string, at: string, thorough = false) => {
      gate.close();
      await gate.quiet();
      await sleep(500); // what a client no longer waits for, a server may still be doing
      const complaints = await crowd.complaints({ thorough, url: at });
      expect(complaints, `${what}, seed ${seed}`).toEqual([]);
      gate.open();
    };

    await work();
    for (const i of [0, 1]) {
      expect(await replicas[i]?.stop()).toBe(0);
      await restart(i);
      await sleep(NOTICED_MS);
      await balancer.seesAgain(i);
    }
    expect(tally).toMatchObject({ cut: 0, unavailable: 0, violations: [] });
    await check('rolling restart', balancer.url);

    await work();
    await replicas[0]?.stop('SIGKILL');
    await sleep(NOTICED_MS);
    await check('a replica killed', url(1));
    await restart(0);

    await work();
    await postgres.stop('SIGKILL');
    await replicas[1]?.stop('SIGKILL');
    await restart(1); // a server need not wait for the database
    // The balancer says so itself, once it knows.
    const refusal = async () => (await http(`${balancer.url}/v2/`)).headers['retry-after'];
    await expect.poll(refusal, PATIENCE).toBe('5');
    await postgres.startAgain();
    await sleep(1000);
    await check('PostgreSQL killed', url(0));

    await work();
    await restartS3();
    await sleep(1000);
    await check('S3 killed', url(1));

    await work();
    gate.close();
    await balancer.stop('SIGKILL');
    await gate.quiet();
    await sleep(1000); // the servers finish what was cut off
    await balancer.startAgain();
    gate.open();
    await sleep(1000);
    await check('the balancer killed', balancer.url);

    await crowd.end();
    for (const at of [url(0), url(1)]) await check('in the end', at, true);
    // What nothing leads to is gone now, and all else is there.
    await collect();
    const names = ledger.names().filter((name) => thingOf(name).kind !== 'blob');
    const kept = { url: url(0), ledger, names, thorough: true, lists: true, onUnavailable: () => {} };
    expect(await verify(kept), `after a collection, seed ${seed}`).toEqual([]);
    console.log(`seed ${seed}: ${JSON.stringify(tally)}`);
    expect(tally.manifests).toBeGreaterThan(20);
  });
});

function url(i: number): string {
  return `http://127.0.0.1:${ports[i]}`;
}

async function restart(i: number): Promise<void> {
  await replicas[i]?.[Symbol.asyncDispose]();
  replicas[i] = await BerthProcess.start(options(ports[i] ?? 0));
}

function output(): string {
  return replicas.map((replica) => replica.output.slice(-2000)).join('\n---\n');
}

function options(port: number): BerthOptions {
  const { config, env } = onBucket(bucket, {
    s3: { rootdirectory: '/replicas' },
    storage: { redirect: { disable: true }, maintenance: { uploadpurging: { enabled: false } } },
  });
  const postgresql = {
    url: postgres.url().replace(/:[^:@]*@/, '@'),
    passwordfile: postgres.passwordFile,
  };
  const gc = { enabled: true, interval: '1s', grace: '1h' };
  const notifications = { endpoints: [{ name: 'ci', url: `${receiver.url}/ci`, backoff: '100ms' }] };
  const told = { endpoints: { ci: { repositories: 'hop/app', tags: 'v*', actions: ['push', 'delete'] } } };
  // One of them is several processes.
  const workers = port === ports[1] ? 2 : 1;
  const own = {
    index: { postgresql },
    gc,
    trash: { keep: 0 },
    stopdelay: '2s',
    notifications: told,
    workers,
  };
  const log = { level: 'warn', accesslog: { disabled: true } };
  return { port, config: { ...config, log, notifications, berth: own }, ...(env ? { env } : {}) };
}

/** By a command, which asks the server that does such things. */
function collect(): Promise<string> {
  return command('gc', '--grace', '0s');
}

function command(...args: string[]): Promise<string> {
  return run([BERTH, ...args, '--config', replicas[0]?.config ?? ''], { env: { PATH: process.env.PATH } });
}
