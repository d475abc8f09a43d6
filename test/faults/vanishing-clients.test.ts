import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { seedOfRun } from '../support/seed.js';
import { exchange } from './exchange.js';
import {
  type Blob,
  blobOf,
  expectBlob,
  expectHealthy,
  imageOf,
  MANIFEST,
  pushBlob,
  startUpload,
} from './image.js';
import { auditLayout } from './layout-audit.js';
import { openFiles, openFilesBelow, residentBytes } from './process-usage.js';
import { Random } from './random.js';
import { chunkOf, headOf, RawConnection } from './raw-connection.js';

const MIB = 1024 * 1024;
const REPOSITORY = 'faults/vanish';
const LEAVING = ['reset', 'end', 'destroy'] as const;
type Leaving = (typeof LEAVING)[number];

describe('a client that disappears', () => {
  const seed = seedOfRun();
  const random = new Random(seed);
  let server: BerthProcess;
  let stored: Blob;

  beforeAll(async () => {
    console.log(`BERTH_FAULT_SEED=${seed}`);
    server = await BerthProcess.start();
    stored = blobOf(random, 3 * MIB);
    expect((await pushBlob(server.url, REPOSITORY, stored)).status).toBe(201);
  });

  afterAll(() => server[Symbol.asyncDispose]());

  /** Begins a request, sends part of its body, and leaves. @returns bytes of the body that were sent. */
  async function leaveDuring(request: {
    method: string;
    target: string;
    body: Buffer;
    chunked: boolean;
    leaving: Leaving;
    type?: string;
  }): Promise<number> {
    const { method, target, body, chunked, leaving, type = 'application/octet-stream' } = request;
    using connection = await RawConnection.open(server.address);
    const length: Record<string, string> = chunked
      ? { 'Transfer-Encoding': 'chunked' }
      : { 'Content-Length': String(body.length) };
    await connection.write(headOf(method, target, { ...length, 'Content-Type': type }));
    const sent = random.between(0, body.length - 1);
    const middle = random.between(0, sent);
    for (const part of [body.subarray(0, middle), body.subarray(middle, sent)]) {
      if (part.length > 0) await connection.write(chunked ? chunkOf(part) : part);
    }
    if (random.chance(0.5)) await sleep(random.between(0, 20));
    if (leaving === 'reset') connection.reset();
    if (leaving === 'end') {
      connection.end();
      await connection.until((it) => it.closed, 5000);
    }
    return sent;
  }

  /** Where the upload stands once nobody writes to it any more. */
  async function offsetOf(path: string): Promise<number> {
    let before = -1;
    for (;;) {
      const answer = await exchange(server.url, 'GET', path);
      expect(answer.status).toBe(204);
      const last = Number(/^0-(\d+)$/.exec(answer.headers.range ?? '')?.[1]);
      const offset = last === 0 ? 0 : last + 1;
      if (offset === before) return offset;
      before = offset;
      await sleep(30);
    }
  }

  it.each(
    ['PATCH', 'PUT'].flatMap((method) =>
      [false, true].flatMap((chunked) => LEAVING.map((leaving) => ({ method, chunked, leaving }))),
    ),
  )(
    'leaves an upload that can go on: $method, chunked $chunked, $leaving',
    async ({ method, chunked, leaving }) => {
      for (let round = 0; round < 4; round += 1) {
        const blob = blobOf(random, random.between(10, round < 2 ? 20_000 : 2 * MIB));
        const path = await startUpload(server.url, REPOSITORY);
        const first = random.between(0, 4);
        if (first > 1) {
          const begun = await exchange(server.url, 'PATCH', path, { body: blob.bytes.subarray(0, first) });
          expect(begun.status).toBe(202);
        }
        const start = first > 1 ? first : 0;
        const target = method === 'PUT' ? `${path}?digest=${blob.digest}` : path;
        const sent = await leaveDuring({
          method,
          target,
          body: blob.bytes.subarray(start),
          chunked,
          leaving,
        });
        const offset = await offsetOf(path);
        expect(offset).toBeGreaterThanOrEqual(start);
        expect(offset).toBeLessThanOrEqual(start + sent);
        const next = await exchange(server.url, 'PATCH', path, {
          body: blob.bytes.subarray(offset),
          headers: { 'content-range': `${offset}-${blob.bytes.length - 1}` },
        });
        expect(next.status, next.body.toString()).toBe(202);
        const done = await exchange(server.url, 'PUT', `${path}?digest=${blob.digest}`);
        expect(done.status, done.body.toString()).toBe(201);
        await expectBlob(server.url, REPOSITORY, blob);
      }
    },
  );

  it('leaves nothing of a blob that it was sending with the POST', async () => {
    for (const chunked of [false, true]) {
      for (const leaving of LEAVING) {
        const { digest, bytes } = blobOf(random, MIB);
        const target = `/v2/faults/single/blobs/uploads/?digest=${digest}`;
        await leaveDuring({ method: 'POST', target, body: bytes, chunked, leaving });
        expect((await exchange(server.url, 'HEAD', `/v2/faults/single/blobs/${digest}`)).status).toBe(404);
      }
    }
    const left = async () =>
      (await auditLayout(server.root)).uploads.filter((file) => file.includes('faults/single/'));
    await expect.poll(left).toEqual([]);
  });

  it('leaves nothing of a manifest', async () => {
    const image = imageOf(random, [3000]);
    for (const blob of image.blobs) expect((await pushBlob(server.url, REPOSITORY, blob)).status).toBe(201);
    for (const chunked of [false, true]) {
      for (const leaving of LEAVING) {
        const target = `/v2/${REPOSITORY}/manifests/cut`;
        await leaveDuring({ method: 'PUT', target, body: image.bytes, chunked, leaving, type: MANIFEST });
        await sleep(30);
        for (const reference of ['cut', image.digest]) {
          const answer = await exchange(server.url, 'GET', `/v2/${REPOSITORY}/manifests/${reference}`);
          expect(answer.status).toBe(404);
        }
      }
    }
  });

  it('costs neither open files nor memory, whether it was sending or receiving', async () => {
    const rounds = async (count: number) => {
      for (let round = 0; round < count; round += 1) {
        await Promise.all(
          Array.from({ length: 8 }, async (_, i) => {
            if (i % 2 === 0) return leaveDuringDownload(random.pick(LEAVING));
            const path = await startUpload(server.url, REPOSITORY);
            const body = stored.bytes.subarray(0, random.between(10, 2 * MIB));
            await leaveDuring({
              method: 'PATCH',
              target: path,
              body,
              chunked: random.chance(0.5),
              leaving: random.pick(LEAVING),
            });
            await offsetOf(path);
            await exchange(server.url, 'DELETE', path);
          }),
        );
      }
    };
    await rounds(15); // memory that a process takes once and keeps
    const files = await openFilesBelow(server.pid, 0, 500);
    const before = await residentBytes(server.pid);
    await rounds(30);
    expect(await openFilesBelow(server.pid, files)).toBeLessThanOrEqual(files);
    const grown = (await residentBytes(server.pid)) - before;
    console.log(
      `360 clients vanished: ${files} open files, memory ${Math.round(before / MIB)} MiB, grown ${grown} bytes`,
    );
    expect(grown).toBeLessThan(64 * MIB);
    expect(await openFiles(server.pid)).toBeLessThan(60);
    await expectHealthy(server.url, random);
    expect(server.output.match(/.*request failed.*/g)?.slice(0, 3)).toBeUndefined();
  });

  async function leaveDuringDownload(leaving: Leaving): Promise<void> {
    using connection = await RawConnection.open(server.address);
    await connection.write(headOf('GET', `/v2/${REPOSITORY}/blobs/${stored.digest}`));
    const enough = random.between(1, 2 * MIB);
    await connection.until((it) => it.receivedBytes >= enough, 10_000);
    if (leaving === 'reset') connection.reset();
    if (leaving === 'end') connection.end();
  }
});
