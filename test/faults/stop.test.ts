import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { type Answer, CutError, exchange } from './exchange.js';
import { blobOf, expectBlob, expectImage, imageOf, MANIFEST, pushBlob, startUpload } from './image.js';
import { Random } from './random.js';
import { chunkOf, headOf, RawConnection } from './raw-connection.js';

const MIB = 1024 * 1024;
/** For what has to come, on a machine that is busy. */
const PATIENCE_MS = 30_000;

function configOf(draintimeout: string): Record<string, unknown> {
  return { http: { addr: '127.0.0.1:0', draintimeout } };
}

describe('a server that is told to stop', () => {
  it('tells balancers first, and goes on until they have looked elsewhere', async () => {
    await using server = await BerthProcess.start({ config: { berth: { stopdelay: '4s' } } });
    const ended = server.stop();
    const told = async () => (await exchange(server.url, 'GET', '/')).status;
    await expect.poll(told).toBe(503);
    expect((await exchange(server.url, 'GET', '/v2/')).status).toBe(200);
    expect((await pushBlob(server.url, 'stop/app', blobOf(new Random(1), 1000))).status).toBe(201);
    expect(await ended).toBe(0);
  });

  it('finishes what is under way, takes nothing new, and ends with 0', async () => {
    const random = new Random(7);
    await using folder = await temporaryFolder();
    await using server = await BerthProcess.start({ root: folder.path, config: configOf('20s') });
    const large = blobOf(random, 4 * MIB);
    const image = imageOf(random, [50_000]);
    for (const blob of [large, ...image.blobs]) {
      expect((await pushBlob(server.url, 'stop/app', blob)).status).toBe(201);
    }
    const uploads = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const blob = blobOf(random, random.between(1000, 200_000));
        return { blob, path: await startUpload(server.url, 'stop/app') };
      }),
    );
    const connections = {
      idle: await RawConnection.open(server.address),
      download: await RawConnection.open(server.address),
    };
    using idle = connections.idle;
    await idle.write(headOf('GET', '/v2/'));
    await idle.until((it) => it.statuses.includes(200), PATIENCE_MS);
    // Kept alive by the client: it must not keep the server from ending.
    using download = connections.download;
    await download.write(headOf('GET', `/v2/stop/app/blobs/${large.digest}`));
    await download.until((it) => it.receivedBytes > 0, PATIENCE_MS);
    download.pause();
    const begun = await Promise.all([
      ...uploads.map(async ({ blob, path }) => ({
        connection: await begin(server, 'PUT', `${path}?digest=${blob.digest}`),
        body: blob.bytes,
      })),
      (async () => ({
        connection: await begin(server, 'PUT', '/v2/stop/app/manifests/v1', MANIFEST),
        body: image.bytes,
      }))(),
    ]);

    const started = performance.now();
    const ended = server.stop('SIGTERM');
    await takesNothingNew(server);
    // While all the others are under way.
    expect(await idle.until((it) => it.closed, PATIENCE_MS)).toBe(true);
    download.resume();
    const slow = begun.map(({ connection, body }) => goOn(connection, body));
    for (const status of await Promise.all(slow)) expect(status).toBe(201);
    expect(await download.until((it) => it.receivedBytes > large.bytes.length, PATIENCE_MS)).toBe(true);
    expect(await ended).toBe(0);
    const seconds = (performance.now() - started) / 1000;
    console.log(`stopped ${seconds.toFixed(1)} s after SIGTERM, with 10 requests under way`);
    expect(seconds).toBeLessThan(8);

    await using again = await BerthProcess.start({ root: folder.path });
    for (const { blob } of uploads) await expectBlob(again.url, 'stop/app', blob);
    await expectImage(again.url, 'stop/app', 'v1', image);
  });

  it('closes connections that clients keep as soon as their last answer is out', async () => {
    await using server = await BerthProcess.start({ config: configOf('30s') });
    const path = await startUpload(server.url, 'stop/app');
    using connection = await begin(server, 'PATCH', path);
    const ended = server.stop('SIGTERM');
    await takesNothingNew(server);
    await connection.write(chunkOf(Buffer.from('0123456789')));
    await connection.write('0\r\n\r\n');
    expect(await connection.until((it) => it.closed, PATIENCE_MS)).toBe(true);
    expect(connection.statuses).toEqual([100, 202]);
    expect(connection.received).toContain('Connection: close');
    expect(await ended).toBe(0);
    expect(server.output).not.toContain('were cut');
  });

  it('does not wait for who has connected and says nothing', async () => {
    await using server = await BerthProcess.start({ config: configOf('50s') });
    using connection = await RawConnection.open(server.address);
    const started = performance.now();
    expect(await server.stop('SIGTERM')).toBe(0);
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(server.output).not.toContain('were cut');
    expect(await connection.until((it) => it.closed, PATIENCE_MS)).toBe(true);
  });

  it('does not wait longer than http.draintimeout', async () => {
    const random = new Random(8);
    await using folder = await temporaryFolder();
    await using server = await BerthProcess.start({ root: folder.path, config: configOf('1s') });
    const blob = blobOf(random, 300_000);
    const path = await startUpload(server.url, 'stop/app');
    using stuck = await begin(server, 'PATCH', path);
    await stuck.write(chunkOf(blob.bytes.subarray(0, 200_000)));
    await sleep(200);
    const started = performance.now();
    expect(await server.stop('SIGTERM')).toBe(0);
    expect(performance.now() - started).toBeLessThan(4000);
    expect(server.output).toMatch(/after http.draintimeout were cut.*connections=1/);

    await using again = await BerthProcess.start({ root: folder.path });
    const state = await exchange(again.url, 'GET', path);
    expect(state.status).toBe(204);
    const offset = Number(state.headers.range?.slice(2)) + 1;
    expect(offset).toBeLessThanOrEqual(200_000);
    const rest = { body: blob.bytes.subarray(offset === 1 ? 0 : offset) };
    const done: Answer = await exchange(again.url, 'PUT', `${path}?digest=${blob.digest}`, rest);
    expect(done.status, done.body.toString()).toBe(201);
    await expectBlob(again.url, 'stop/app', blob);
  });
});

/** A request whose body, in chunks, is still to come. It is under way: the server has asked for the body. */
async function begin(
  server: BerthProcess,
  method: string,
  target: string,
  type = 'application/octet-stream',
): Promise<RawConnection> {
  const connection = await RawConnection.open(server.address);
  const headers = { 'Transfer-Encoding': 'chunked', 'Content-Type': type, Expect: '100-continue' };
  await connection.write(headOf(method, target, headers));
  expect(await connection.until((it) => it.statuses.includes(100), PATIENCE_MS)).toBe(true);
  return connection;
}

/** Resolves once new connections are refused. */
async function takesNothingNew(server: BerthProcess): Promise<void> {
  const outcome = () =>
    exchange(server.url, 'GET', '/v2/').then(
      ({ status }) => status,
      (error: unknown) => error,
    );
  await expect.poll(outcome).toBeInstanceOf(CutError);
}

/** Sends a body over about two seconds. @returns the status of the answer. */
async function goOn(opened: RawConnection, body: Buffer): Promise<number | undefined> {
  using connection = opened;
  const size = Math.ceil(body.length / 10);
  for (let start = 0; start < body.length; start += size) {
    await connection.write(chunkOf(body.subarray(start, start + size)));
    await sleep(200);
  }
  await connection.write('0\r\n\r\n');
  await connection.until((it) => it.statuses.length > 1, PATIENCE_MS);
  return connection.statuses[1];
}
