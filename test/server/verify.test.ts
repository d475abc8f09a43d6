import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { freePort } from '../support/free-port.js';
import { http } from '../support/http.js';
import { pushImage, sha256, type TestImage, testImage } from '../support/push.js';
import { cleanEnvironment, RunError, run } from '../support/run.js';
import { createBucket, onBucket } from '../support/s3.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const image = testImage('a');
const [config = Buffer.alloc(0), layer = Buffer.alloc(0)] = image.blobs;

describe.each([{ while: 'while the registry runs' }, { while: 'while it does not' }])('$while', (when) => {
  it('damaged bytes are no longer served, and taken again from whoever pushes them', async () => {
    await using registry = await start();
    await pushImage(registry.url, 'team/app', 'v1', image);
    expect((await registry.verify()).stdout).toBe(
      `read 3 blobs (${image.manifest.length + config.length + layer.length}B), 1 manifest in 1 repository: sound\n`,
    );
    await flip(registry.pathOf(layer));
    if (when.while.includes('not')) await registry.stop();
    const { code, stdout } = await registry.verify();
    expect(code).toBe(1);
    expect(stdout).toMatch(
      new RegExp(
        `^damaged: team/app: the 10 bytes of ${sha256(layer)} hash to sha256:\\w+; no longer served, the old bytes are berth/quarantine/\\w+\\.\\w+: push the image again, .*\\nread 3 blobs .*: 1 wrong\\n$`,
      ),
    );
    const [set = ''] = await readdir(join(registry.root, 'berth/quarantine'));
    expect(await readFile(join(registry.root, 'berth/quarantine', set))).toHaveLength(layer.length);
    expect((await registry.verify('--status')).code).toBe(1);
    await registry.startAgain();
    const url = `${registry.url}/v2/team/app/blobs/${sha256(layer)}`;
    expect((await http(url, { method: 'HEAD' })).status).toBe(404);
    expect((await http(`${registry.url}/v2/team/app/manifests/v1`)).status).toBe(200);
    await pushImage(registry.url, 'team/app', 'v1', image);
    expect((await http(url)).body).toEqual(layer);
    expect(JSON.parse((await registry.verify('--json')).stdout)).toMatchObject({
      blobs: 3,
      manifests: 1,
      remaining: 0,
      findings: [],
    });
  });
});

it('what is gone or damaged comes from another registry', async () => {
  await using other = await start();
  await pushImage(other.url, 'mirror/team/app', 'v1', image);
  await using registry = await start();
  await pushImage(registry.url, 'team/app', 'v1', image);
  await registry.stop();
  await truncate(registry.pathOf(image.manifest), 10);
  await rm(dirname(registry.pathOf(layer)), { recursive: true });
  await appendFile(registry.pathOf(config), 'more');
  await writeFile(registry.linkOf(config), '');
  const { code, stdout } = await registry.verify('--from', `${other.url}/mirror`);
  expect(stdout).toMatch(/: sound, 3 repaired\n$/);
  expect(stdout).toContain('repaired from the index');
  expect(stdout).toContain(`repaired from ${new URL(other.url).host}`);
  expect(code).toBe(0);
  await registry.startAgain();
  await expectWhole(registry.url, image);
});

it('a registry reads what it has by itself, repairs from where it is a copy, and tells Prometheus', async () => {
  await using upstream = await start();
  await pushImage(upstream.url, 'team/app', 'v1', image);
  const debug = `127.0.0.1:${await freePort()}`;
  await using registry = await BerthProcess.start({
    config: {
      http: { addr: '127.0.0.1:0', debug: { addr: debug, prometheus: { enabled: true } } },
      berth: {
        upstreams: [{ prefix: 'copies', url: upstream.url }],
        verify: { enabled: true, interval: '1s', rate: '1MiB' },
      },
    },
  });
  await http(`${registry.url}/v2/copies/team/app/manifests/v1`);
  for (const bytes of image.blobs) await http(`${registry.url}/v2/copies/team/app/blobs/${sha256(bytes)}`);
  await flip(pathBelow(registry.root, layer));
  await expect
    .poll(() => registry.output)
    .toMatch(/what is stored is wrong.*repaired.*all that is stored was read/s);
  expect(await readFile(pathBelow(registry.root, layer))).toEqual(layer);
  expect((await http(`http://${debug}/metrics`)).body.toString()).toMatch(/^berth_verify_wrong 0$/m);
});

it('a bucket is read, and repaired from another registry', async () => {
  await using folder = await temporaryFolder();
  const bucket = await createBucket();
  await using other = await start();
  await pushImage(other.url, 'app', 'v1', image);
  const options = onBucket(bucket, { cache: folder.path, storage: { redirect: { disable: true } } });
  await using registry = await BerthProcess.start(options);
  await pushImage(registry.url, 'app', 'v1', image);
  const key = (bytes: Buffer) => `registry${blobPath(bytes)}`;
  const send = { Bucket: bucket.bucket, Key: key(layer) };
  await bucket.client.send(new PutObjectCommand({ ...send, Body: 'damaged' }));
  await bucket.client.send(new DeleteObjectCommand({ ...send, Key: key(config) }));
  const env = cleanEnvironment({ XDG_CACHE_HOME: folder.path });
  const out = await run([BERTH, 'verify', '--config', registry.config, '--from', other.url], { env });
  expect(out).toMatch(/: sound, 2 repaired\n$/);
  await expectWhole(registry.url, image, 'app');
  bucket.client.destroy();
});

async function expectWhole(url: string, { blobs, manifest }: TestImage, repository = 'team/app') {
  expect((await http(`${url}/v2/${repository}/manifests/v1`)).body).toEqual(manifest);
  for (const bytes of blobs)
    expect((await http(`${url}/v2/${repository}/blobs/${sha256(bytes)}`)).body).toEqual(bytes);
}

/** A registry that can be stopped and started again on the same address. */
async function start() {
  const folder = await temporaryFolder();
  const root = join(folder.path, 'data');
  let process: BerthProcess | undefined = await BerthProcess.start({ root });
  const { url } = process;
  const env = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: root });
  return {
    url,
    root,
    pathOf: (bytes: Buffer) => pathBelow(root, bytes),
    linkOf: (bytes: Buffer) =>
      join(root, 'docker/registry/v2/repositories/team/app/_layers', sha256(bytes).replace(':', '/'), 'link'),
    verify: async (...args: string[]) => {
      try {
        return { code: 0, stdout: await run([BERTH, 'verify', ...args], { env }) };
      } catch (error) {
        if (error instanceof RunError) return error;
        throw error;
      }
    },
    stop: async () => {
      await process?.[Symbol.asyncDispose]();
      process = undefined;
    },
    startAgain: async () => {
      process ??= await BerthProcess.start({ root, port: Number(new URL(url).port) });
    },
    [Symbol.asyncDispose]: async () => {
      await process?.[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
      await folder[Symbol.asyncDispose]();
    },
  };
}

function pathBelow(root: string, bytes: Buffer): string {
  return join(root, blobPath(bytes));
}

function blobPath(bytes: Buffer): string {
  const [, hex = ''] = sha256(bytes).split(':');
  return `/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
}

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await writeFile(path, bytes);
}
