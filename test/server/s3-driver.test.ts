import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createServer } from 'node:tls';
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  openS3,
  type S3Options,
  type StorageDriver,
  StorageUnavailableError,
} from '../../src/storage/index.js';
import { makeCertificate } from '../registry/tls/certificates.js';
import { describeStorageDriver } from '../storage/contract.js';
import { http } from '../support/http.js';
import { createBucket, type TestBucket } from '../support/s3.js';
import { s3Options } from '../support/s3-options.js';
import { failure, S3Proxy } from '../support/s3-proxy.js';

const MIB = 1024 ** 2;

let bucket: TestBucket;
let folders = 0;

beforeAll(async () => {
  bucket = await createBucket();
});
afterAll(() => bucket?.client.destroy());

/** A part of the bucket that nobody else uses, to be opened by several drivers. */
function newRoot(): string {
  folders += 1;
  return `root-${folders}`;
}

async function open(rootDirectory: string, options: Partial<S3Options> = {}) {
  return openS3(s3Options(bucket, { rootDirectory, partBytes: 5 * MIB, ...options }));
}

for (const alone of [true, false]) {
  describeStorageDriver(alone ? 's3' : 's3 that others append to', async () => {
    const driver = await open(newRoot(), { alone });
    return { driver, [Symbol.asyncDispose]: async () => driver[Symbol.dispose]() };
  });
}

describe('a file that is appended to in S3', () => {
  it.each([
    { by: 'one process', fresh: false, alone: true },
    { by: 'processes that do not know of each other', fresh: true, alone: false },
    { by: 'processes, each after the end of another', fresh: true, alone: true },
  ])('grows by pieces of any size, from $by', async ({ fresh, alone }) => {
    const root = newRoot();
    const pieces = [0, 1, 3 * MIB, 2 * MIB - 1, 7, 4 * MIB, 12 * MIB + 5, 1, 5 * MIB].map((size) =>
      randomBytes(size),
    );
    let driver = await open(root, { alone });
    let size = 0;
    for (const piece of pieces) {
      await append(driver, '/up/data', piece);
      size += piece.length;
      if (fresh) {
        driver[Symbol.dispose]();
        driver = await open(root, { alone });
      }
      expect(await driver.appended('/up/data')).toMatchObject({ size });
    }
    await driver.publish([{ path: '/blob', from: '/up/data' }]);
    expect(hash(await driver.read('/blob'))).toBe(hash(Buffer.concat(pieces)));
    await driver.delete('/up');
    expect(await openUploads(root)).toEqual([]);
    driver[Symbol.dispose]();
  });

  it.each([
    { size: 3 * MIB, kind: 'little' },
    { size: 11 * MIB, kind: 'much' },
  ])('can be read in between, when there is $kind of it', async ({ size }) => {
    const root = newRoot();
    using driver = await open(root);
    const [first, second] = [randomBytes(size), randomBytes(6 * MIB)];
    await append(driver, '/up/data', first);
    expect(hash(await readAll(driver, '/up/data', size))).toBe(hash(first));
    await append(driver, '/up/data', second);
    using other = await open(root);
    const all = Buffer.concat([first, second]);
    expect(await other.appended('/up/data')).toMatchObject({ size: all.length });
    expect(hash(await readAll(other, '/up/data', all.length))).toBe(hash(all));
    await other.publish([{ path: '/blob', from: '/up/data' }]);
    expect(hash(await driver.read('/blob'))).toBe(hash(all));
    await other.delete('/up');
    expect(await openUploads(root)).toEqual([]);
  });

  it('keeps the parts that were sent when its process ends in the middle', async () => {
    const root = newRoot();
    const bytes = randomBytes(13 * MIB);
    using killed = await open(root);
    const writer = await killed.append('/up/data');
    await writer.append([bytes]);
    using driver = await open(root);
    await expect.poll(async () => (await driver.appended('/up/data'))?.size).toBe(10 * MIB);
    await append(driver, '/up/data', bytes.subarray(10 * MIB));
    await driver.publish([{ path: '/blob', from: '/up/data' }]);
    expect(hash(await driver.read('/blob'))).toBe(hash(bytes));
    await writer[Symbol.asyncDispose]();
  });

  it('has no gap where a part in the middle cannot be stored, and those behind it could', async () => {
    const root = newRoot();
    await using proxy = await S3Proxy.start(bucket.endpoint);
    using driver = await open(root, { endpoint: proxy.endpoint });
    const [first, second] = [randomBytes(3 * MIB), randomBytes(20 * MIB)];
    await append(driver, '/up/data', first);
    proxy.fault = ({ path }) => (path.includes('partNumber=1&') ? failure(503, 'SlowDown') : undefined);
    await expect(append(driver, '/up/data', second)).rejects.toThrow('slow down');
    expect(proxy.requests.filter(({ path }) => path.includes('partNumber=2&'))).not.toEqual([]);
    using other = await open(root);
    expect(await other.appended('/up/data')).toMatchObject({ size: first.length });
    await append(other, '/up/data', second);
    await other.publish([{ path: '/blob', from: '/up/data' }]);
    expect(hash(await other.read('/blob'))).toBe(hash(Buffer.concat([first, second])));
  }, 60_000);

  it.each([1000, 6 * MIB])(
    'goes on from what the reference registry left: %i bytes in the last part',
    async (last) => {
      const root = newRoot();
      const Key = `${root}/up/data`;
      const upload = { Bucket: bucket.bucket, Key };
      const { UploadId } = await bucket.client.send(new CreateMultipartUploadCommand(upload));
      const parts = [randomBytes(5 * MIB), randomBytes(last)];
      for (const [i, Body] of parts.entries())
        await bucket.client.send(new UploadPartCommand({ ...upload, UploadId, PartNumber: i + 1, Body }));
      using driver = await open(root);
      expect(await driver.appended('/up/data')).toMatchObject({ size: 5 * MIB + last });
      const more = randomBytes(100);
      await append(driver, '/up/data', more);
      await driver.publish([{ path: '/blob', from: '/up/data' }]);
      expect(hash(await driver.read('/blob'))).toBe(hash(Buffer.concat([...parts, more])));
    },
  );

  it('is copied in parts to its name where it is large', async () => {
    const root = newRoot();
    const copies = { thresholdBytes: 5 * MIB, partBytes: 5 * MIB, atOnce: 2 };
    using driver = await open(root, { copies });
    const bytes = randomBytes(17 * MIB);
    await append(driver, '/up/data', bytes);
    await driver.publish([{ path: '/blob', from: '/up/data' }]);
    expect(hash(await driver.read('/blob'))).toBe(hash(bytes));
    expect(await openUploads(root)).toEqual([]);
  });

  it('leaves nothing when it is deleted', async () => {
    const root = newRoot();
    using driver = await open(root);
    await append(driver, '/up/data', randomBytes(6 * MIB));
    expect(await openUploads(root)).toHaveLength(1);
    using other = await open(root);
    await other.delete('/up', { unpublished: true });
    expect(await openUploads(root)).toEqual([]);
    expect(await Array.fromAsync(other.walk('/'))).toEqual([]);
  });
});

describe('a file that is created in S3 under its name', () => {
  it.each([0, 5, 300_000, 5 * MIB, 12 * MIB + 1])(
    'has %i bytes, and is not there before it is published',
    async (size) => {
      const root = newRoot();
      using driver = await open(root);
      const bytes = randomBytes(size);
      {
        await using file = await driver.create('/blob');
        await file.append([bytes.subarray(0, 7), bytes.subarray(7)]);
        expect(file.size).toBe(size);
        expect(await driver.stat('/blob')).toBeUndefined();
        await driver.publish([{ path: '/blob', file }], [{ path: '/link', bytes: Buffer.from('x') }]);
      }
      expect(hash(await driver.read('/blob'))).toBe(hash(bytes));
      expect(await openUploads(root)).toEqual([]);
    },
  );

  it('leaves nothing when it is not published', async () => {
    const root = newRoot();
    using driver = await open(root);
    {
      await using file = await driver.create('/blob');
      await file.append([randomBytes(12 * MIB)]);
      await expect(driver.publish([{ path: '/other', file }])).rejects.toThrow(TypeError);
    }
    expect(await Array.fromAsync(driver.walk('/'))).toEqual([]);
    expect(await openUploads(root)).toEqual([]);
  });
});

describe('a root directory', () => {
  it.each(['r/s', '/r/s', 'r/s/', '//r//s//'])('%s is where the reference registry has it', async (shape) => {
    const root = newRoot();
    using driver = await open(shape.replace('r', root));
    await driver.publish([{ path: '/f', bytes: Buffer.from('x') }]);
    using other = await open(`${root}/s`);
    expect(await Array.fromAsync(other.walk('/'), ({ path }) => path)).toEqual(['/f']);
  });
});

describe('lists of S3', () => {
  it('have more than one page, in byte order of the names', async () => {
    using driver = await open(newRoot());
    const names = [
      ...Array.from({ length: 1000 }, (_, i) => `a${i}${i % 3 === 0 ? '-x' : i % 3 === 1 ? '.x' : ''}/link`),
      ...['b', 'b-/1', 'b-1/2', 'b.1', 'b/1', 'b-1-1/1', 'c-1', 'c', '-a-b', '-a/1'],
    ];
    for (let i = 0; i < names.length; i += 100)
      await driver.publish(
        names.slice(i, i + 100).map((name) => ({ path: `/d/${name}`, bytes: Buffer.from('x') })),
      );
    const listed = await Array.fromAsync(driver.list('/d'), ({ name }) => name);
    const sorted = [...names.map((name) => name.replace(/\/.*/, ''))].sort();
    expect(listed).toEqual(sorted);
    const after = sorted[700] ?? '';
    expect(await Array.fromAsync(driver.list('/d', { after }), ({ name }) => name)).toEqual(
      sorted.filter((name) => name > after),
    );
    const walked = await Array.fromAsync(driver.walk('/d'), ({ path }) => path);
    expect(walked).toEqual(names.map((name) => `/d/${name}`).sort());
    await driver.delete('/d');
    expect(await Array.fromAsync(driver.walk('/'))).toEqual([]);
  });

  it('tell the MD5 of what was put there in one piece', async () => {
    using driver = await open(newRoot());
    await driver.publish([{ path: '/link', bytes: Buffer.from('sha256:abc') }]);
    const md5 = createHash('md5').update('sha256:abc').digest('hex');
    expect(await Array.fromAsync(driver.walk('/'))).toMatchObject([{ path: '/link', size: 10, md5 }]);
  });
});

describe('multipart uploads that were given up', () => {
  it('are aborted once nothing was added for long enough, where they are ours', async () => {
    const root = newRoot();
    using driver = await open(root);
    const begin = async (key: string) => {
      const { UploadId } = await bucket.client.send(
        new CreateMultipartUploadCommand({ Bucket: bucket.bucket, Key: key }),
      );
      return UploadId;
    };
    await begin(`${root}/docker/registry/v2/blobs/sha256/aa/aa/data`);
    await begin(`${root}/elsewhere`);
    await append(driver, '/docker/registry/v2/repositories/a/_uploads/1/data', randomBytes(6 * MIB));
    await driver.removeLeftovers(new Date(Date.now() - 60_000));
    expect(await openUploads(root)).toHaveLength(3);
    const later = new Date(Date.now() + 60_000);
    expect(await Array.fromAsync(driver.leftovers(later))).toEqual([
      '/docker/registry/v2/blobs/sha256/aa/aa/data',
      '/docker/registry/v2/repositories/a/_uploads/1/data',
    ]);
    await driver.removeLeftovers(later);
    expect(await openUploads(root)).toEqual([`${root}/elsewhere`]);
  });
});

describe('a signed URL', () => {
  it.each(['GET', 'HEAD'] as const)(
    'lets anybody %s the file for a while, and nothing else',
    async (method) => {
      using driver = await open(newRoot());
      await driver.publish([{ path: '/blob', bytes: Buffer.from('hello') }]);
      const url = await driver.signedUrl('/blob', { method });
      expect(await http(url, { method })).toMatchObject({ status: 200, headers: { 'content-length': '5' } });
      expect((await http(url, { method: 'PUT', body: 'changed' })).status).toBe(403);
      expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('1200');
    },
  );

  it.each([-40, 40])('is good where the clock is off by %i minutes', async (minutes) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    using driver = await open(newRoot());
    await driver.publish([{ path: '/blob', bytes: Buffer.from('hello') }]);
    const url = await driver.signedUrl('/blob', { method: 'GET' });
    expect(await http(url)).toMatchObject({ status: 200, headers: { 'content-length': '5' } });
    const signed = new URL(url).searchParams.get('X-Amz-Date') ?? '';
    const at = signed.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5');
    vi.useRealTimers();
    expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(5 * 60_000);
  });

  it('names the host that clients reach', async () => {
    using driver = await open(newRoot(), { redirectEndpoint: 'https://s3.example:8443' });
    const url = await driver.signedUrl('/blob', { method: 'GET' });
    expect(url).toMatch(new RegExp(`^https://s3.example:8443/${bucket.bucket}/root-\\d+/blob\\?`));
  });
});

describe('an S3 service behind TLS', () => {
  it('is written to and read from where its certificate is trusted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 's3-tls-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const { certificate, key } = makeCertificate(folder, 'service');
    const [cert, ca] = [await readFile(certificate), await readFile(certificate, 'utf8')];
    const { hostname, port } = new URL(bucket.endpoint);
    const front = createServer({ cert, key: await readFile(key) }, (socket) => {
      pipeline(socket, connect(Number(port), hostname), socket).catch(() => {}); // either side may leave
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void front.close());
    await once(front, 'listening');
    const endpoint = `https://127.0.0.1:${(front.address() as AddressInfo).port}`;
    using driver = await open(newRoot(), { endpoint, ca });
    const bytes = randomBytes(7 * MIB);
    await append(driver, '/up/data', bytes);
    await driver.publish([{ path: '/blob', from: '/up/data' }]);
    expect(hash(await readAll(driver, '/blob', bytes.length))).toBe(hash(bytes));
    await expect(open(newRoot(), { endpoint })).rejects.toThrow(StorageUnavailableError);
  });
});

describe('a failing S3 service', () => {
  it('is asked again, for each part and for the rest of a download', async () => {
    await using proxy = await S3Proxy.start(bucket.endpoint);
    using driver = await open(newRoot(), { endpoint: proxy.endpoint });
    const bytes = randomBytes(12 * MIB);
    const failures = [failure(503, 'SlowDown'), { cut: 0 }, failure(500, 'InternalError')];
    proxy.fault = ({ method }) => (method === 'PUT' ? failures.pop() : undefined);
    await append(driver, '/up/data', bytes);
    await driver.publish([{ path: '/blob', from: '/up/data' }]);
    expect(failures).toEqual([]);
    const cuts = [{ cut: 3 * MIB }, { cut: 1 }, { cut: MIB }];
    proxy.fault = ({ method }) => (method === 'GET' ? cuts.pop() : undefined);
    expect(hash(await readAll(driver, '/blob', bytes.length))).toBe(hash(bytes));
    expect(cuts).toEqual([]);
  });

  it.each([
    { what: 'aborts', refused: /uploadId/ },
    { what: 'lists', refused: /list-type/ },
    { what: 'aborts and lists', refused: /uploadId|list-type/ },
  ])('that refuses $what fails what needs them, and nothing else', async ({ refused }) => {
    await using proxy = await S3Proxy.start(bucket.endpoint);
    using driver = await open(newRoot(), { endpoint: proxy.endpoint });
    await append(driver, '/up/data', randomBytes(11 * MIB));
    proxy.fault = ({ path }) => (refused.test(path) ? failure(403, 'AccessDenied') : undefined);
    await expect(driver.delete('/up', { unpublished: true })).rejects.toThrow('permission denied');
    proxy.fault = () => undefined;
    await driver.delete('/up', { unpublished: true });
  });

  it('that refuses some deletes is still asked for the others', async () => {
    await using proxy = await S3Proxy.start(bucket.endpoint);
    using driver = await open(newRoot(), { endpoint: proxy.endpoint });
    await driver.publish([{ path: '/last', bytes: Buffer.from('x') }]);
    const answers = [failure(403, 'AccessDenied')];
    proxy.fault = ({ method }) => (method === 'POST' ? answers.pop() : undefined);
    const paths = [...Array.from({ length: 1000 }, (_, i) => `/absent-${i}`), '/absent', '/last'];
    await expect(driver.deleteFiles(paths)).rejects.toThrow('permission denied');
    expect(await driver.stat('/last')).toBeUndefined();
  });

  it('is unavailable once it has failed for long', { timeout: 60_000 }, async () => {
    await using proxy = await S3Proxy.start(bucket.endpoint);
    using driver = await open(newRoot(), { endpoint: proxy.endpoint });
    proxy.fault = () => failure(503, 'SlowDown');
    const reading = driver.read('/blob');
    await expect(reading).rejects.toThrow(StorageUnavailableError);
    await expect(reading).rejects.toThrow('it asks us to slow down');
    expect(proxy.requests.length).toBeGreaterThan(5);
  });

  it.each([
    { wrong: { bucket: 'no-such-bucket' }, message: 'there is no such bucket' },
    {
      wrong: { credentials: { accessKeyId: 'nobody', secretAccessKey: 'x' } },
      message: 'access key is not known',
    },
  ])('says at the start what is wrong: $message', async ({ wrong, message }) => {
    const opening = openS3(s3Options(bucket, wrong));
    await expect(opening).rejects.toThrow(StorageUnavailableError);
    await expect(opening).rejects.toThrow(message);
  });

  it('gets an MD5 with deletes if it wants one', async () => {
    await using proxy = await S3Proxy.start(bucket.endpoint);
    using driver = await open(newRoot(), { endpoint: proxy.endpoint });
    const file = (path: string) => ({ path, bytes: Buffer.from('x') });
    proxy.fault = ({ path, headers }) =>
      path.includes('delete=') && !headers['content-md5'] ? failure(400, 'InvalidRequest') : undefined;
    for (let round = 0; round < 2; round += 1) {
      await driver.publish([file('/d/1'), file('/d/2')]);
      await driver.delete('/d');
      expect(await Array.fromAsync(driver.walk('/'))).toEqual([]);
    }
    expect(proxy.actions.filter((action) => action === 'POST delete')).toHaveLength(3);
  });
});

describe('objects', () => {
  it('get the class, the access and the encryption that are configured, however they are made', async () => {
    await using proxy = await S3Proxy.start(bucket.endpoint);
    using driver = await open(newRoot(), {
      endpoint: proxy.endpoint,
      objects: {
        acl: 'bucket-owner-full-control',
        storageClass: 'STANDARD_IA',
        encryption: { keyId: 'key-1' },
      },
    });
    // This service has no keys: what matters is that it is asked.
    const wanted = {
      'x-amz-acl': 'bucket-owner-full-control',
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
    };
    proxy.fault = ({ method }) => (method === 'GET' || method === 'HEAD' ? undefined : failure(400, 'Asked'));
    const asked = async (work: () => Promise<unknown>) => {
      proxy.requests.length = 0;
      await work().catch(() => {});
      return proxy.requests.map(({ headers }) => headers).filter((headers) => headers['x-amz-acl']);
    };
    expect(await asked(() => driver.publish([{ path: '/a', bytes: Buffer.from('x') }]))).toMatchObject([
      wanted,
    ]);
    expect(await asked(() => append(driver, '/up/data', randomBytes(6 * MIB)))).toMatchObject([wanted]);
    const at = { Bucket: bucket.bucket, Key: `${rootOf(proxy)}/up/small` };
    await bucket.client.send(new PutObjectCommand({ ...at, Body: 'x' }));
    expect(await asked(() => driver.publish([{ path: '/b', from: '/up/small' }]))).toMatchObject([wanted]);
  });
});

/** The first part of the key in the last request for an object. */
function rootOf({ requests }: S3Proxy): string {
  return (
    /\/(root-\d+)\//.exec(requests.findLast(({ path }) => path.includes('/root-'))?.path ?? '')?.[1] ?? ''
  );
}

async function append(driver: StorageDriver, path: string, bytes: Buffer): Promise<void> {
  await using writer = await driver.append(path);
  for (let at = 0; at < bytes.length; at += 700_000) await writer.append([bytes.subarray(at, at + 700_000)]);
}

async function readAll(driver: StorageDriver, path: string, size: number): Promise<Buffer> {
  await using reader = await driver.open(path, { start: 0, end: size });
  const all = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const count = await reader.read(all.subarray(at, at + 768 * 1024));
    if (count === 0) throw new Error(`only ${at} bytes came`);
    at += count;
  }
  return all;
}

/** Keys of multipart uploads that are neither complete nor aborted. */
async function openUploads(root: string): Promise<string[]> {
  const { Uploads = [] } = await bucket.client.send(
    new ListMultipartUploadsCommand({ Bucket: bucket.bucket, Prefix: `${root}/` }),
  );
  return Uploads.map(({ Key = '' }) => Key);
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
