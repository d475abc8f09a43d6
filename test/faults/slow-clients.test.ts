import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { exchange } from './exchange.js';
import { type Blob, blobOf, expectBlob, expectHealthy, pushBlob, startUpload } from './image.js';
import { openFilesBelow, residentBytes } from './process-usage.js';
import { Random } from './random.js';
import { chunkOf, headOf, RawConnection } from './raw-connection.js';

const MIB = 1024 * 1024;
const REPOSITORY = 'faults/slow';
/** Far more than an answer takes on an idle machine, far less than anybody would wait. */
const PROMPT_MS = 3000;

describe('clients that are slow', () => {
  const random = new Random(6);
  let server: BerthProcess;
  let stored: Blob;

  beforeAll(async () => {
    server = await BerthProcess.start();
    stored = blobOf(random, 3 * MIB);
    expect((await pushBlob(server.url, REPOSITORY, stored)).status).toBe(201);
  });

  afterAll(() => server[Symbol.asyncDispose]());

  it('do not keep others waiting while their headers trickle in', async () => {
    const before = await openFilesBelow(server.pid, 0, 100);
    const connections = await Promise.all(
      Array.from({ length: 200 }, () => RawConnection.open(server.address)),
    );
    await Promise.all(
      connections.map((connection) => connection.write('GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ')),
    );
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(connections.map((connection) => connection.write('a')));
      const started = performance.now();
      await expectHealthy(server.url, random);
      expect(performance.now() - started).toBeLessThan(PROMPT_MS);
    }
    // Slow is not wrong: who ends the headers is answered.
    const [first] = connections;
    await first?.write('\r\n\r\n');
    expect(await first?.until((it) => it.statuses.includes(200), PROMPT_MS)).toBe(true);
    for (const connection of connections) connection[Symbol.dispose]();
    expect(await openFilesBelow(server.pid, before)).toBeLessThanOrEqual(before);
  });

  it('may push as slowly as they like', async () => {
    const blobs = Array.from({ length: 40 }, () => blobOf(random, random.between(40, 400)));
    const started = performance.now();
    await Promise.all(blobs.map((blob, i) => trickle(blob, i % 2 === 0)));
    expect(performance.now() - started).toBeGreaterThan(1900);
    for (const blob of blobs) await expectBlob(server.url, REPOSITORY, blob);
  });

  it('do not keep others waiting, nor fill the memory, when they stop reading', async () => {
    const before = await residentBytes(server.pid);
    const connections = await Promise.all(
      Array.from({ length: 60 }, () => RawConnection.open(server.address)),
    );
    for (const connection of connections) connection.pause();
    const request = headOf('GET', `/v2/${REPOSITORY}/blobs/${stored.digest}`, { Connection: 'close' });
    await Promise.all(connections.map((connection) => connection.write(request)));
    const started = performance.now();
    await expectHealthy(server.url, random);
    await expectBlob(server.url, REPOSITORY, stored);
    expect(performance.now() - started).toBeLessThan(PROMPT_MS);
    const grown = (await residentBytes(server.pid)) - before;
    console.log(`60 downloads that nobody reads: memory grown by ${Math.round(grown / MIB)} MiB`);
    expect(grown).toBeLessThan(200 * MIB);
    for (const connection of connections) connection.resume();
    for (const connection of connections) {
      expect(await connection.until((it) => it.closed, 20_000)).toBe(true);
      expect(connection.receivedBytes).toBeGreaterThan(stored.bytes.length);
    }
  });

  /** Twenty pieces over two seconds. */
  async function trickle({ digest, bytes }: Blob, chunked: boolean): Promise<void> {
    const path = await startUpload(server.url, REPOSITORY);
    using connection = await RawConnection.open(server.address);
    const length: Record<string, string> = chunked
      ? { 'Transfer-Encoding': 'chunked' }
      : { 'Content-Length': String(bytes.length) };
    await connection.write(headOf('PUT', `${path}?digest=${digest}`, length));
    const size = Math.ceil(bytes.length / 20);
    for (let start = 0; start < bytes.length; start += size) {
      const piece = bytes.subarray(start, start + size);
      await connection.write(chunked ? chunkOf(piece) : piece);
      await sleep(100);
    }
    if (chunked) await connection.write('0\r\n\r\n');
    await connection.until((it) => it.statuses.length > 0, PROMPT_MS);
    expect(connection.statuses, connection.received).toEqual([201]);
  }

  it('leave the server well', async () => {
    expect((await exchange(server.url, 'GET', '/v2/')).status).toBe(200);
    expect(server.output.match(/.*request failed.*/g)?.slice(0, 3)).toBeUndefined();
  });
});
