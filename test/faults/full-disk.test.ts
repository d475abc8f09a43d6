import { readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { cleanEnvironment, run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { type Answer, errorCodes, exchange } from './exchange.js';
import {
  blobOf,
  expectBlob,
  expectImage,
  type Image,
  imageOf,
  pushBlob,
  pushImage,
  putManifest,
  startUpload,
} from './image.js';
import { auditLayout } from './layout-audit.js';
import { Random } from './random.js';
import { Tmpfs } from './tmpfs.js';

const MIB = 1024 * 1024;
const CONFIG = { berth: { minfreespace: 0 } };

describe('a registry whose disk is full', () => {
  let disk: Tmpfs;
  let server: BerthProcess;
  let image: Image;
  const random = new Random(2);

  beforeEach(async () => {
    disk = await Tmpfs.mount(16);
    server = await BerthProcess.start({ root: disk.path, config: CONFIG });
    image = imageOf(random, [MIB, 5000]);
    expect((await pushImage(server.url, 'disk/app', 'v1', image)).status).toBe(201);
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await disk[Symbol.asyncDispose]();
  });

  it('refuses a blob that does not fit with UNAVAILABLE, however it comes, and goes on', async () => {
    const large = blobOf(random, 20 * MIB);
    const path = await startUpload(server.url, 'disk/app');
    expectFull(await exchange(server.url, 'PATCH', path, { body: large.bytes }));
    // Nothing of it is kept: others need the space, and the client begins anew.
    expect((await exchange(server.url, 'GET', path)).status).toBe(404);
    expect(await freeBytes(disk)).toBeGreaterThan(10 * MIB);
    expectFull(await pushBlob(server.url, 'disk/app', large));
    expect(await freeBytes(disk)).toBeGreaterThan(10 * MIB);
    const single = `/v2/disk/app/blobs/uploads/?digest=${large.digest}`;
    expectFull(await exchange(server.url, 'POST', single, { body: large.bytes }));
    expectFull(await exchange(server.url, 'POST', single, { body: chunks(large.bytes) }));
    expect((await exchange(server.url, 'HEAD', `/v2/disk/app/blobs/${large.digest}`)).status).toBe(404);
    await expectImage(server.url, 'disk/app', 'v1', image);
    const small = imageOf(random, [MIB]);
    expect((await pushImage(server.url, 'disk/app', 'v2', small)).status).toBe(201);
    await expectImage(server.url, 'disk/app', 'v2', small);
  });

  it('shows nothing by halves when not one byte is left, and takes everything again afterwards', async () => {
    const images = Array.from({ length: 6 }, () => imageOf(random, [2000, 3000]));
    for (const { blobs } of images) {
      for (const blob of blobs) expect((await pushBlob(server.url, 'disk/new', blob)).status).toBe(201);
    }
    const waiting = await startUpload(server.url, 'disk/app');
    const ballast = await disk.fill();

    const refused = await pushBlob(server.url, 'disk/app', blobOf(random, 50_000));
    expectFull(refused);
    for (const [i, each] of images.entries()) {
      expectFull(await putManifest(server.url, 'disk/new', `v${i}`, each));
      expectFull(await putManifest(server.url, 'disk/new', `v${i}`, each));
      await expectAbsent(server, 'disk/new', `v${i}`, each);
    }
    expectFull(await exchange(server.url, 'POST', '/v2/disk/other/blobs/uploads/'));
    const mounted = image.blobs[1]?.digest;
    expectFull(
      await exchange(server.url, 'POST', `/v2/disk/b/blobs/uploads/?mount=${mounted}&from=disk/app`),
    );
    expect((await exchange(server.url, 'HEAD', `/v2/disk/b/blobs/${mounted}`)).status).toBe(404);
    expectFull(await exchange(server.url, 'PATCH', waiting, { body: random.bytes(100_000) }));
    await expectImage(server.url, 'disk/app', 'v1', image);
    await expectImage(server.url, 'disk/app', image.digest, image);

    await rm(ballast);
    for (const [i, each] of images.entries()) {
      expect((await putManifest(server.url, 'disk/new', `v${i}`, each)).status).toBe(201);
      await expectImage(server.url, 'disk/new', `v${i}`, each);
    }
    expect((await exchange(server.url, 'GET', waiting)).status).toBe(404);
    await expectNothingLeft(server, disk);
  });

  it('has the same to show after a restart on the full disk', async () => {
    const other = imageOf(random, [4000]);
    for (const blob of other.blobs) expect((await pushBlob(server.url, 'disk/new', blob)).status).toBe(201);
    await disk.fill();
    expectFull(await putManifest(server.url, 'disk/new', 'v1', other));
    await server.stop('SIGKILL');
    await using again = await BerthProcess.start({ root: disk.path, config: CONFIG });
    await expectImage(again.url, 'disk/app', 'v1', image);
    await expectAbsent(again, 'disk/new', 'v1', other);
    for (const blob of other.blobs) await expectBlob(again.url, 'disk/new', blob);
    expectFull(await putManifest(again.url, 'disk/new', 'v1', other));
  });

  it('still deletes', async () => {
    const ballast = await disk.fill();
    const deleted = await exchange(server.url, 'DELETE', `/v2/disk/app/manifests/${image.digest}`);
    if (deleted.status !== 202) expectFull(deleted);
    await rm(ballast);
    if (deleted.status !== 202) {
      const again = await exchange(server.url, 'DELETE', `/v2/disk/app/manifests/${image.digest}`);
      expect([202, 404]).toContain(again.status);
    }
    await expectAbsent(server, 'disk/app', 'v1', image);
    // What was deleted and pushed again stays, whatever is still written down of the delete.
    expect((await putManifest(server.url, 'disk/app', 'v1', image)).status).toBe(201);
    await server.stop();
    await using again = await BerthProcess.start({ root: disk.path, config: CONFIG });
    await expectImage(again.url, 'disk/app', 'v1', image);
  });
});

it('a full disk of a registry that is stopped is freed by a collection', async () => {
  await using disk = await Tmpfs.mount(16);
  await using server = await BerthProcess.start({ root: disk.path, config: CONFIG });
  const random = new Random(4);
  const image = imageOf(random, [MIB]);
  expect((await pushImage(server.url, 'disk/app', 'v1', image)).status).toBe(201);
  expect((await pushBlob(server.url, 'disk/app', blobOf(random, 3 * MIB))).status).toBe(201);
  await disk.fill();
  const env = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: disk.path });
  const collect = () => run([BERTH, 'gc', '--grace', '0s', '--config', server.config], { env });
  await expect(collect()).rejects.toMatchObject({ stderr: expect.stringContaining('stop it and ask again') });
  await server.stop();
  await disk.fill();
  expect(await collect()).toMatch(/1 blob: 3\.0MiB\n$/);
  await using again = await BerthProcess.start({ root: disk.path, config: CONFIG });
  await expectImage(again.url, 'disk/app', 'v1', image);
  expect((await pushImage(again.url, 'disk/app', 'v2', imageOf(random, [MIB]))).status).toBe(201);
});

describe('images without a tag on a full disk', () => {
  it('go into a trash that has the room of other garbage', async () => {
    await using registry = await untaggedOnDisk();
    await registry.pushGarbage();
    await registry.stopAndFill();
    expect(await registry.berth('gc')).toMatch(/^removed 2 manifests, 1 link, 1 blob: 3\.0MiB\n$/);
    await registry.expectTagged();
  });

  it('need room where there is no other garbage, and the error tells how to make some', async () => {
    await using registry = await untaggedOnDisk();
    const deleted = await registry.pushDeleted();
    await registry.stopAndFill();
    await expect(registry.berth('gc')).rejects.toMatchObject({
      stderr: expect.stringMatching(
        /no room .* trash.*: berth trash empty makes some, and with berth.trash.keep 0/,
      ),
    });
    expect(await registry.berth('trash', 'empty')).toMatch(/^gave up 1 entry/);
    expect(await registry.berth('gc')).toMatch(/^removed 2 manifests, /);
    await registry.expectTagged();
    expect(deleted).toBe(202);
  });

  it('go at once where nothing is put into a trash', async () => {
    await using registry = await untaggedOnDisk({ trash: { keep: 0 } });
    await registry.stopAndFill();
    expect(await registry.berth('gc')).toMatch(
      /^removed 2 manifests, 4 links to blobs, .*6 blobs: 2\.0MiB\n$/,
    );
    await registry.expectTagged();
  });
});

describe('a registry whose data cannot be written, though its index can', () => {
  it('keeps what is pushed again after a delete that failed', async () => {
    const random = new Random(3);
    await using disk = await Tmpfs.mount(16);
    await using folder = await temporaryFolder();
    const config = { berth: { minfreespace: 0, index: { path: join(folder.path, 'index.sqlite') } } };
    const image = imageOf(random, [5000]);
    {
      await using server = await BerthProcess.start({ root: disk.path, config });
      expect((await pushImage(server.url, 'disk/app', 'v1', image)).status).toBe(201);
      await disk.makeReadOnly();
      const deleted = await exchange(server.url, 'DELETE', `/v2/disk/app/manifests/${image.digest}`);
      expect(deleted.status, deleted.body.toString()).toBe(503);
      await expectImage(server.url, 'disk/app', 'v1', image);
      await disk.makeWritable();
      expect((await pushImage(server.url, 'disk/app', 'v1', image)).status).toBe(201);
    }
    await using server = await BerthProcess.start({ root: disk.path, config });
    await expectImage(server.url, 'disk/app', 'v1', image);
  });
});

/** Two images without a tag, in two repositories, each with another that has one. */
async function untaggedOnDisk(more: object = {}) {
  const random = new Random(5);
  const disk = await Tmpfs.mount(16);
  const config = { berth: { ...CONFIG.berth, ...more } };
  const server = await BerthProcess.start({ root: disk.path, config });
  const push = async (repository: string, tag: string) => {
    const image = imageOf(random, [MIB]);
    expect((await pushImage(server.url, repository, tag, image)).status).toBe(201);
    return image;
  };
  const [a, b] = ['disk/a', 'disk/b'];
  for (const repository of [a, b]) await push(repository, 'v1');
  const tagged = [await push(a, 'v1'), await push(b, 'v1')];
  return {
    pushGarbage: async () => {
      expect((await pushBlob(server.url, b, blobOf(random, 3 * MIB))).status).toBe(201);
    },
    pushDeleted: async () => {
      const { digest } = await push(a, 'old');
      return (await exchange(server.url, 'DELETE', `/v2/${a}/manifests/${digest}`)).status;
    },
    stopAndFill: async () => {
      await server.stop();
      await disk.fill();
    },
    berth: (command: string, ...args: string[]) => {
      const flags = command === 'gc' ? ['--untagged', '--grace', '0s'] : [];
      return run([BERTH, command, ...args, ...flags, '--config', server.config], { env: envOf(disk) });
    },
    expectTagged: async () => {
      await using again = await BerthProcess.start({ root: disk.path, config });
      for (const [i, repository] of [a, b].entries()) {
        const image = tagged[i];
        if (image) await expectImage(again.url, repository, 'v1', image);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await disk[Symbol.asyncDispose]();
    },
  };
}

function envOf(disk: Tmpfs): NodeJS.ProcessEnv {
  return cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: disk.path });
}

function* chunks(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
}

function expectFull(answer: Answer): void {
  const text = answer.body.toString();
  expect(answer.status, text).toBe(503);
  expect(errorCodes(answer), text).toEqual(['UNAVAILABLE']);
  expect(text).toMatch(/full|space/);
}

async function expectAbsent(
  server: BerthProcess,
  repository: string,
  tag: string,
  image: Image,
): Promise<void> {
  for (const reference of [tag, image.digest]) {
    const path = `/v2/${repository}/manifests/${reference}`;
    expect((await exchange(server.url, 'GET', path)).status, path).toBe(404);
  }
  const list = await exchange(server.url, 'GET', `/v2/${repository}/tags/list`);
  if (list.status === 200) expect(JSON.parse(list.body.toString()).tags).not.toContain(tag);
  else expect(list.status).toBe(404);
}

async function freeBytes(disk: Tmpfs): Promise<number> {
  const { bavail, bsize } = await statfs(disk.path);
  return bavail * bsize;
}

async function expectNothingLeft(server: BerthProcess, disk: Tmpfs): Promise<void> {
  await run([BERTH, 'uploads', 'purge', '--older-than', '0s'], { env: envOf(disk) });
  await server.stop();
  const { complaints, uploads, scratch } = await auditLayout(disk.path);
  expect({ complaints, uploads, scratch }).toEqual({ complaints: [], uploads: [], scratch: [] });
  expect(await readdir(join(disk.path, 'berth', 'tmp'))).toEqual([]);
}
