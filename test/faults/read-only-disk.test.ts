import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { type Answer, errorCodes, exchange } from './exchange.js';
import { blobOf, expectHealthy, expectImage, imageOf, pushBlob, pushImage, putManifest } from './image.js';
import { Random } from './random.js';
import { Tmpfs } from './tmpfs.js';

const CONFIG = { berth: { minfreespace: 0 } };

describe('a registry on a read-only disk', () => {
  it.each(['stopped', 'killed'])('starts where one was %s, serves pulls and refuses pushes', async (how) => {
    const random = new Random(4);
    await using disk = await Tmpfs.mount(16);
    const image = imageOf(random, [200_000, 3000]);
    {
      await using server = await BerthProcess.start({ root: disk.path, config: CONFIG });
      expect((await pushImage(server.url, 'disk/app', 'v1', image)).status).toBe(201);
      await server.stop(how === 'killed' ? 'SIGKILL' : 'SIGTERM');
    }
    await disk.makeReadOnly();
    {
      await using server = await BerthProcess.start({ root: disk.path, config: CONFIG });
      await expectServesOnly(server, random);
      await expectImage(server.url, 'disk/app', 'v1', image);
      expect(await server.stop()).toBe(0);
    }
    await disk.makeWritable();
    await using server = await BerthProcess.start({ root: disk.path, config: CONFIG });
    await expectImage(server.url, 'disk/app', 'v1', image);
    await expectHealthy(server.url, random);
  });

  it('goes on serving when the disk becomes read-only, and takes pushes when it is writable again', async () => {
    const random = new Random(5);
    await using disk = await Tmpfs.mount(16);
    await using folder = await temporaryFolder();
    // The system makes nothing read-only while a file of it is open for writing: the index must be elsewhere.
    const config = { berth: { minfreespace: 0, index: { path: join(folder.path, 'index.sqlite') } } };
    await using server = await BerthProcess.start({ root: disk.path, config });
    const image = imageOf(random, [200_000, 3000]);
    expect((await pushImage(server.url, 'disk/app', 'v1', image)).status).toBe(201);
    await disk.makeReadOnly();
    await expectServesOnly(server, random);
    await expectImage(server.url, 'disk/app', 'v1', image);
    for (const path of [`manifests/v1`, `manifests/${image.digest}`, `blobs/${image.blobs[0]?.digest}`]) {
      expectRefused(await exchange(server.url, 'DELETE', `/v2/disk/app/${path}`));
    }
    await expectImage(server.url, 'disk/app', 'v1', image);
    expectRefused(await putManifest(server.url, 'disk/app', 'v2', image));
    expect((await exchange(server.url, 'GET', '/v2/disk/app/manifests/v2')).status).toBe(404);
    await disk.makeWritable();
    await expectHealthy(server.url, random);
    expect((await putManifest(server.url, 'disk/app', 'v2', image)).status).toBe(201);
    await expectImage(server.url, 'disk/app', 'v2', image);
  });
});

async function expectServesOnly(server: BerthProcess, random: Random): Promise<void> {
  expectRefused(await pushBlob(server.url, 'disk/app', blobOf(random, 1000)));
  const blob = blobOf(random, 1000);
  const path = `/v2/disk/app/blobs/uploads/?digest=${blob.digest}`;
  expectRefused(await exchange(server.url, 'POST', path, { body: blob.bytes }));
  const list = await exchange(server.url, 'GET', '/v2/_catalog');
  expect(JSON.parse(list.body.toString())).toEqual({ repositories: ['disk/app'] });
}

function expectRefused(answer: Answer): void {
  expect(answer.status, answer.body.toString()).toBe(503);
  expect(errorCodes(answer)).toEqual(['UNAVAILABLE']);
}
