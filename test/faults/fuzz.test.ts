import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { seedOfRun } from '../support/seed.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { exchange } from './exchange.js';
import { bytesOf, type Fixtures, fuzzedRequests, garbage } from './fuzzed-requests.js';
import { expectHealthy, expectImage, type Image, imageOf, pushImage, startUpload } from './image.js';
import { auditLayout } from './layout-audit.js';
import { openFilesBelow } from './process-usage.js';
import { Random } from './random.js';
import { headOf, RawConnection } from './raw-connection.js';

/** An answer, or the end of the connection, comes within this time whatever was said. */
const SILENCE_MS = 5000;
const SECRET = 'not for the world';
const TLS_HELLO = `\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03${'r'.repeat(32)}\x00\x00\x04\x13\x01\x00\xff\x01\x00`;

describe('a server that strangers talk to', () => {
  const seed = seedOfRun();
  const random = new Random(seed);
  let outside: TemporaryFolder;
  let server: BerthProcess;
  let image: Image;
  let known: Fixtures;

  beforeAll(async () => {
    console.log(`BERTH_FAULT_SEED=${seed}`);
    outside = await temporaryFolder('fuzz');
    await writeFile(join(outside.path, 'secret'), SECRET);
    server = await BerthProcess.start({
      root: join(outside.path, 'data'),
      config: { log: { level: 'warn', accesslog: { disabled: true } } },
    });
    image = imageOf(random, [2000]);
    // Kept apart from what the fuzzer may delete.
    expect((await pushImage(server.url, 'keep/app', 'v1', image)).status).toBe(201);
    const repository = 'fuzz/app';
    expect((await pushImage(server.url, repository, 'v1', image)).status).toBe(201);
    const upload = (await startUpload(server.url, repository)).split('/').at(-1) ?? '';
    known = { repository, tag: 'v1', manifest: image.digest, blob: image.blobs[1]?.digest ?? '', upload };
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
  });

  /** Says it, and listens until it is answered or the connection ends. */
  async function say(bytes: string | Uint8Array, { thenEnd = false } = {}): Promise<RawConnection> {
    using connection = await RawConnection.open(server.address);
    await connection.write(bytes);
    if (thenEnd) connection.end();
    const over = (it: RawConnection) =>
      it.closed || (!thenEnd && it.statuses.some((status) => status >= 200));
    expect(await connection.until(over, SILENCE_MS), `silence: ${connection.received}`).toBe(true);
    return connection;
  }

  function expectNoFailure(connection: RawConnection): void {
    for (const status of connection.statuses) expect(status, connection.received).toBeLessThan(500);
    expect(connection.received).not.toContain(SECRET);
  }

  it('answers every request, and never with a failure of its own', async () => {
    await fc.assert(
      fc.asyncProperty(fuzzedRequests(known), async (request) => {
        const connection = await say(bytesOf(request));
        expectNoFailure(connection);
        expect(connection.received, 'no answer').toMatch(/^HTTP\/1\.1 \d{3} /);
      }),
      { seed, numRuns: 3000 },
    );
  });

  it('ends connections on which noise comes', async () => {
    await fc.assert(
      fc.asyncProperty(garbage(known), async (bytes) => {
        expectNoFailure(await say(bytes, { thenEnd: true }));
      }),
      { seed, numRuns: 1500 },
    );
  });

  it.each([
    { what: 'a TLS hello', bytes: TLS_HELLO, status: 400 },
    { what: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400 },
    { what: 'no Host', bytes: 'GET /v2/ HTTP/1.1\r\n\r\n', status: 400 },
    { what: 'HTTP/1.0', bytes: 'GET /v2/ HTTP/1.0\r\n\r\n', status: 200 },
    {
      what: 'a URL of another host',
      bytes: headOf('GET', 'http://other.test/v2/', { Connection: 'close' }),
      status: 200,
    },
    {
      what: 'two lengths',
      bytes: 'PUT /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      status: 400,
    },
    {
      what: 'a length and chunks',
      bytes: `${headOf('PUT', '/v2/', { 'Content-Length': '5', 'Transfer-Encoding': 'chunked' })}0\r\n\r\n`,
      status: 400,
    },
    { what: 'a negative length', bytes: headOf('PUT', '/v2/', { 'Content-Length': '-1' }), status: 400 },
    {
      what: 'a length beyond all',
      bytes: headOf('PUT', '/v2/', { 'Content-Length': '9'.repeat(40) }),
      status: 400,
    },
    { what: 'a NUL in a header', bytes: headOf('GET', '/v2/', { 'X-Odd': 'a\0b' }), status: 400 },
    { what: 'a NUL in the path', bytes: headOf('GET', '/v2/a\0b/tags/list'), status: 400 },
    {
      what: '%00 in the path',
      bytes: headOf('GET', '/v2/a%00b/tags/list', { Connection: 'close' }),
      status: 400,
    },
    {
      what: 'a header that never ends',
      bytes: headOf('GET', '/v2/', { 'X-Long': 'x'.repeat(200_000) }),
      status: 431,
    },
    {
      what: 'too many headers',
      bytes: headOf(
        'GET',
        '/v2/',
        Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`X-${i}`, 'x'])),
      ),
      status: 431,
    },
    {
      what: 'a chunk of no size',
      bytes: `${headOf('PUT', '/v2/a/manifests/b', { 'Transfer-Encoding': 'chunked' })}zz\r\n\r\n`,
      status: 400,
    },
    { what: 'a line feed in place of a path', bytes: 'GET \n HTTP/1.1\r\n\r\n', status: 400 },
    { what: 'an unknown method', bytes: headOf('BREW', '/v2/'), status: 400 },
    {
      what: 'an expectation that nobody knows',
      bytes: headOf('PUT', '/v2/', { Expect: 'miracles', Connection: 'close' }),
      status: 417,
    },
  ])('answers $what with $status', async ({ bytes, status }) => {
    const connection = await say(bytes);
    expect(connection.received).toMatch(/^HTTP\//);
    expect(connection.statuses[0], connection.received).toBe(status);
  });

  it('answers pipelined requests in their order', async () => {
    const requests = ['/v2/', '/v2/keep/app/tags/list', '/v2/none/tags/list', '/v2/_catalog', '/v2/'];
    const text = requests.map((path) => headOf('GET', path)).join('');
    using connection = await RawConnection.open(server.address);
    await connection.write(text);
    expect(await connection.until((it) => it.statuses.length === requests.length, SILENCE_MS)).toBe(true);
    expect(connection.statuses).toEqual([200, 200, 404, 200, 200]);
    expect(connection.received).toMatch(/"tags":\["v1"\].*NAME_UNKNOWN.*"repositories"/s);
  });

  it('gives and takes nothing outside its root', async () => {
    const ways = [
      '..',
      '%2e%2e',
      '..%2f',
      '%2e%2e%2f',
      '.%2e/',
      '..\\',
      '..%5c',
      '....//',
      '%252e%252e',
      '..;/',
    ];
    const before = await readdir(outside.path);
    for (const way of ways) {
      for (const up of [3, 6, 9]) {
        const path = `${`${way}/`.repeat(up)}secret`;
        for (const target of [
          `/${path}`,
          `/v2/${path}`,
          `/v2/keep/app/manifests/${path}`,
          `/v2/keep/app/blobs/${path}`,
          `/v2/keep/app/blobs/sha256:${path}`,
          `/v2/keep/app/blobs/uploads/${path}`,
          `/v2/${path}/tags/list`,
          `/v2/keep/app/blobs/uploads/?mount=sha256:${path}&from=${path}`,
          `/v2/keep/app/manifests/x?tag=${path}`,
        ]) {
          for (const method of ['GET', 'PUT', 'POST', 'PATCH', 'DELETE']) {
            const head = headOf(method, target, { Connection: 'close', 'Content-Length': '4' });
            expectNoFailure(await say(`${head}${SECRET.slice(0, 4)}`));
          }
        }
      }
    }
    expect(await readdir(outside.path)).toEqual(before);
  });

  it('is as well as before', async () => {
    await expectImage(server.url, 'keep/app', 'v1', image);
    await expectHealthy(server.url, random);
    expect((await exchange(server.url, 'GET', '/v2/')).status).toBe(200);
    expect(server.output.match(/.*(?:request failed|could not be sent).*/g)?.slice(0, 3)).toBeUndefined();
    expect(await openFilesBelow(server.pid, 40)).toBeLessThanOrEqual(40);
    expect(await server.stop()).toBe(0);
    const { complaints } = await auditLayout(server.root);
    expect(complaints).toEqual([]);
  });
});
