import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { HeadObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { http } from '../support/http.js';
import { pushImage, sha256, testImage } from '../support/push.js';
import { createBucket, onBucket, s3Section, type TestBucket } from '../support/s3.js';
import { S3Proxy } from '../support/s3-proxy.js';
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
    await expect.poll(() => berth.output, { timeout: 20_000 }).toContain('index checked against storage');
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
      'cannot use storage.s3.bucket no-such-bucket: ListObjectsV2 of registry/ failed in the object store: there is no such bucket',
    );
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
