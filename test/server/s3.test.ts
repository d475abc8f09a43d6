import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { http } from '../support/http.js';
import { pushImage, sha256, testImage } from '../support/push.js';
import { cleanEnvironment, run } from '../support/run.js';
import { createBucket, onBucket, s3Section, type TestBucket } from '../support/s3.js';
import { failure, S3Proxy } from '../support/s3-proxy.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const MIB = 1024 ** 2;

let folder: TemporaryFolder;
let bucket: TestBucket;

beforeAll(async () => {
  folder = await temporaryFolder();
  bucket = await createBucket();
});
afterAll(async () => {
  bucket?.client.destroy();
  await folder?.[Symbol.asyncDispose]();
});

describe('a registry in a bucket', () => {
  it.each([
    { where: 'in a file', cache: true },
    { where: 'in memory', cache: false },
  ])('is the same after a restart, with its index $where', async ({ where, cache }) => {
    const s3 = { rootdirectory: `/restart/${cache}` };
    const options = onBucket(bucket, { s3, ...(cache ? { cache: join(folder.path, 'cache') } : {}) });
    const image = testImage(where);
    {
      await using berth = await BerthProcess.start(options);
      await pushImage(berth.url, 'team/app', 'v1', image);
      await pushImage(berth.url, 'team/app', 'v2', testImage(`other ${where}`));
      const removed = await http(`${berth.url}/v2/team/app/manifests/v2`, { method: 'DELETE' });
      expect(removed.status).toBe(202);
    }
    await using berth = await BerthProcess.start(options);
    const manifest = await http(`${berth.url}/v2/team/app/manifests/v1`);
    expect(manifest.body).toEqual(image.manifest);
    expect((await http(`${berth.url}/v2/team/app/manifests/v2`)).status).toBe(404);
    expect(JSON.parse((await http(`${berth.url}/v2/_catalog`)).body.toString())).toEqual({
      repositories: ['team/app'],
    });
  });

  it('is compared with its index by lists alone', async () => {
    await using proxy = await S3Proxy.start(bucket.endpoint);
    const s3 = { rootdirectory: '/compared', regionendpoint: proxy.endpoint };
    const options = onBucket(bucket, { s3, cache: join(folder.path, 'cache') });
    {
      await using berth = await BerthProcess.start(options);
      for (const name of ['a', 'a/b', 'a-b', 'c']) {
        await pushImage(berth.url, name, 'v1', testImage(name));
        await pushImage(berth.url, name, 'v2', testImage(name));
        await pushImage(berth.url, name, 'v2', testImage(`newer ${name}`));
      }
    }
    proxy.requests.length = 0;
    await using berth = await BerthProcess.start(options);
    await expect.poll(() => berth.output).toContain('index checked against storage');
    expect(berth.output).toContain('repositories=4');
    const asked = proxy.actions.filter((_, i) => !proxy.requests[i]?.path.includes('/berth/health/'));
    expect([...new Set(asked)]).toEqual(['GET list']);
    expect(asked.length).toBeLessThan(8);
    expect(JSON.parse((await http(`${berth.url}/v2/a/b/tags/list`)).body.toString()).tags).toEqual([
      'v1',
      'v2',
    ]);
  });

  it('has one server at a time on a machine', async () => {
    const options = onBucket(bucket, { s3: { rootdirectory: '/one' }, cache: join(folder.path, 'cache') });
    await using first = await BerthProcess.start(options);
    await expect(BerthProcess.start(options)).rejects.toThrow(
      `cannot serve bucket ${bucket.bucket}: another berth serve (process ${first.pid} on `,
    );
  });

  it('is named by variables, and opened with the keys that AWS programs find', async () => {
    const { accesskey: _key, secretkey: _secret, ...section } = s3Section(bucket, { rootdirectory: '/env' });
    const variables = Object.entries(section).map(([key, value]) => [
      `REGISTRY_STORAGE_S3_${key.toUpperCase()}`,
      `${value}`,
    ]);
    const env = {
      ...onBucket(bucket).env,
      REGISTRY_STORAGE: 's3',
      ...Object.fromEntries(variables),
      AWS_EC2_METADATA_DISABLED: 'true', // there is none, and it takes a while to find out
    };
    await expect(BerthProcess.start({ env })).rejects.toThrow('no credentials were found');
    const keys = { AWS_ACCESS_KEY_ID: bucket.accessKey, AWS_SECRET_ACCESS_KEY: bucket.secretKey };
    await using berth = await BerthProcess.start({ env: { ...env, ...keys } });
    await pushImage(berth.url, 'app', 'v1', testImage('env'));
    const Key = 'env/docker/registry/v2/repositories/app/_manifests/tags/v1/current/link';
    await bucket.client.send(new HeadObjectCommand({ Bucket: bucket.bucket, Key }));
  });

  it('says what is wrong with the bucket, and does not start', async () => {
    const options = onBucket(bucket, { s3: { bucket: 'no-such-bucket' } });
    await expect(BerthProcess.start(options)).rejects.toThrow(
      `cannot use storage.s3.bucket no-such-bucket at ${bucket.endpoint}: ListObjectsV2 of registry/ failed in the object store: there is no such bucket`,
    );
    await using gone = await S3Proxy.start(bucket.endpoint);
    const { endpoint } = gone;
    await gone[Symbol.asyncDispose]();
    const nowhere = onBucket(bucket, { s3: { regionendpoint: endpoint } });
    await expect(BerthProcess.start(nowhere)).rejects.toThrow(
      `cannot use storage.s3.bucket ${bucket.bucket} at ${endpoint}: ListObjectsV2 of registry/ failed in the object store: no answer (ECONNREFUSED)`,
    );
  });

  it('goes on where a request is not allowed, and says in the log which', async () => {
    await using proxy = await S3Proxy.start(bucket.endpoint);
    const s3 = { rootdirectory: '/refused', regionendpoint: proxy.endpoint };
    await using berth = await BerthProcess.start(onBucket(bucket, { s3 }));
    const begun = await http(`${berth.url}/v2/app/blobs/uploads/`, { method: 'POST' });
    const upload = `${berth.url}${begun.headers.location}`;
    expect((await http(upload, { method: 'PATCH', body: randomBytes(11 * MIB) })).status).toBe(202);
    proxy.fault = ({ method, path }) =>
      method === 'DELETE' && path.includes('uploadId=') ? failure(403, 'AccessDenied') : undefined;
    expect(await http(upload, { method: 'DELETE' })).toMatchObject({
      status: 503,
      headers: { 'retry-after': '30' },
    });
    await expect
      .poll(() => berth.output)
      .toMatch(
        /level=warning msg="storage failed a request" error="AbortMultipartUpload of \S+ failed in the object store: permission denied/,
      );
    proxy.fault = () => undefined;
    expect((await http(upload, { method: 'DELETE' })).status).toBe(204);
  });
});

describe('an upload to a bucket', () => {
  it.each([
    { size: 2 * MIB, first: MIB },
    { size: 23 * MIB, first: 14 * MIB },
  ])('of $size bytes goes on after the server was killed', async ({ size, first }) => {
    const s3 = { rootdirectory: `/killed/${size}` };
    const bytes = randomBytes(size);
    const options = onBucket(bucket, { s3 });
    let location: string;
    {
      await using berth = await BerthProcess.start(options);
      const begun = await http(`${berth.url}/v2/app/blobs/uploads/`, { method: 'POST' });
      location = begun.headers.location ?? '';
      const body = bytes.subarray(0, first);
      expect((await http(`${berth.url}${location}`, { method: 'PATCH', body })).status).toBe(202);
      await berth.stop('SIGKILL');
    }
    await using berth = await BerthProcess.start(options);
    const state = await http(`${berth.url}${location}`);
    expect(state.headers.range).toBe(`0-${first - 1}`);
    const rest = { method: 'PUT', body: bytes.subarray(first) };
    expect((await http(`${berth.url}${location}?digest=${sha256(bytes)}`, rest)).status).toBe(201);
    expect((await http(`${berth.url}/v2/app/blobs/${sha256(bytes)}`)).status).toBe(307);
    expect(await keysOf(`killed/${size}/docker`)).toEqual([
      blobKey(bytes, s3),
      expect.stringContaining('/_layers/'),
    ]);
    expect(await openUploads(`killed/${size}`)).toEqual([]);
  });
});

describe('a blob in a bucket', () => {
  const bytes = randomBytes(200_000);
  const s3 = { rootdirectory: '/blob' };
  const path = `/v2/app/blobs/${sha256(bytes)}`;

  async function push(berth: BerthProcess): Promise<void> {
    const target = `${berth.url}/v2/app/blobs/uploads/?digest=${sha256(bytes)}`;
    expect((await http(target, { method: 'POST', body: bytes })).status).toBe(201);
  }

  it.each(['GET', 'HEAD'] as const)('is fetched from the service itself: %s', async (method) => {
    await using berth = await BerthProcess.start(onBucket(bucket, { s3 }));
    await push(berth);
    const answer = await http(`${berth.url}${path}`, { method });
    expect(answer).toMatchObject({ status: 307, headers: { 'docker-content-digest': sha256(bytes) } });
    const { location = '' } = answer.headers;
    expect(location).toContain(`${bucket.endpoint}/${bucket.bucket}/blob/docker/registry/v2/blobs/sha256/`);
    const fetched = await http(location, { method });
    expect(fetched).toMatchObject({ status: 200, headers: { 'content-length': '200000' } });
    if (method === 'GET') expect(fetched.body).toEqual(bytes);
    // Whoever has such a URL may fetch the blob: it is told to the client alone.
    expect(berth.output).not.toContain('X-Amz-Signature');
  });

  it('passes through the registry where redirects are off, ranges too', async () => {
    await using proxy = await S3Proxy.start(bucket.endpoint);
    const options = {
      s3: { ...s3, regionendpoint: proxy.endpoint },
      storage: { redirect: { disable: true } },
    };
    await using berth = await BerthProcess.start(onBucket(bucket, options));
    // Which would remember sizes of what it finds.
    await expect.poll(() => berth.output).toContain('index checked against storage');
    await push(berth);
    proxy.requests.length = 0;
    expect(await http(`${berth.url}${path}`)).toMatchObject({ status: 200, body: bytes });
    const range = await http(`${berth.url}${path}`, { headers: { range: 'bytes=1000-1999' } });
    expect(range).toMatchObject({ status: 206, body: bytes.subarray(1000, 2000) });
    expect((await http(`${berth.url}${path}`, { method: 'HEAD' })).headers['content-length']).toBe('200000');
    expect((await http(`${berth.url}${path}`, { method: 'HEAD' })).status).toBe(200);
    const asked = proxy.actions.filter((_, i) => proxy.requests[i]?.path.includes('/blobs/sha256/'));
    expect(asked).toEqual(['GET object', 'GET object', 'HEAD object']);
  });

  it('is unknown once somebody removed its object', async () => {
    await using berth = await BerthProcess.start(
      onBucket(bucket, { s3, storage: { redirect: { disable: true } } }),
    );
    await push(berth);
    await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.bucket, Key: blobKey(bytes, s3) }));
    expect((await http(`${berth.url}${path}`)).status).toBe(404);
    expect((await http(`${berth.url}${path}`, { method: 'HEAD' })).status).toBe(404);
  });
});

describe('what was given up in a bucket', () => {
  it('is purged: uploads, and multipart uploads that no list shows', async () => {
    const s3 = { rootdirectory: '/purged' };
    const options = onBucket(bucket, { s3 });
    await using berth = await BerthProcess.start(options);
    const begun = await http(`${berth.url}/v2/app/blobs/uploads/`, { method: 'POST' });
    const body = randomBytes(11 * MIB);
    expect((await http(`${berth.url}${begun.headers.location}`, { method: 'PATCH', body })).status).toBe(202);
    const dangling = {
      Bucket: bucket.bucket,
      Key: 'purged/docker/registry/v2/repositories/app/_uploads/forgotten/data',
    };
    await bucket.client.send(new CreateMultipartUploadCommand(dangling));
    expect(await openUploads('purged')).toHaveLength(2);
    await berth.stop();
    const purge = (age: string) =>
      run([BERTH, 'uploads', 'purge', '--config', berth.config, '--older-than', age], {
        env: cleanEnvironment({ HOME: folder.path }),
      });
    expect(await purge('1h')).toContain('removed 0 uploads');
    expect(await openUploads('purged')).toHaveLength(2);
    await sleep(1100); // times of objects are whole seconds
    expect(await purge('0s')).toContain('removed 1 uploads, 11534336 bytes');
    expect(await openUploads('purged')).toEqual([]);
    expect(await keysOf('purged/docker')).toEqual([]);
  });
});

describe('a large layer', () => {
  it('takes no more memory than a small one, on its way in and out', async () => {
    const options = { s3: { rootdirectory: '/large' }, storage: { redirect: { disable: true } } };
    await using berth = await BerthProcess.start(onBucket(bucket, options));
    const layer = randomBytes(300 * MIB);
    const idle = await memoryOf(berth.pid);
    const begun = await http(`${berth.url}/v2/app/blobs/uploads/`, { method: 'POST' });
    expect(
      (await http(`${berth.url}${begun.headers.location}`, { method: 'PATCH', body: layer })).status,
    ).toBe(202);
    const end = `${berth.url}${begun.headers.location}?digest=${sha256(layer)}`;
    expect((await http(end, { method: 'PUT' })).status).toBe(201);
    const afterPush = await memoryOf(berth.pid);
    const pulled = await http(`${berth.url}/v2/app/blobs/${sha256(layer)}`);
    expect(sha256(pulled.body)).toBe(sha256(layer));
    const afterPull = await memoryOf(berth.pid);
    const peaks = { idle: idle.peak, push: afterPush.peak, pull: afterPull.peak };
    console.log(`most memory in MiB: ${JSON.stringify(peaks)}`);
    expect(afterPull.peak).toBeLessThan(180);
  });
});

/** Most that a process ever had, in MiB. */
async function memoryOf(pid: number): Promise<{ peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return { peak: Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024) };
}

async function keysOf(prefix: string): Promise<string[]> {
  const { Contents = [] } = await bucket.client.send(
    new ListObjectsV2Command({ Bucket: bucket.bucket, Prefix: prefix }),
  );
  return Contents.map(({ Key = '' }) => Key);
}

async function openUploads(prefix: string): Promise<string[]> {
  const { Uploads = [] } = await bucket.client.send(
    new ListMultipartUploadsCommand({ Bucket: bucket.bucket, Prefix: prefix }),
  );
  return Uploads.map(({ Key = '' }) => Key);
}

function blobKey(bytes: Uint8Array, { rootdirectory }: { rootdirectory: string }): string {
  const [, hex = ''] = sha256(bytes).split(':');
  return `${rootdirectory.slice(1)}/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
}
