import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedOfRun } from '../support/seed.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { exchange } from './exchange.js';
import { expectHealthy, type Image, imageOf, pushImage, putManifest } from './image.js';
import { damageIndex, INDEX_DAMAGES } from './index-damage.js';
import { KillableServer } from './killable-server.js';
import { isContent } from './names.js';
import { Random } from './random.js';

const REPOSITORIES = ['loss/one', 'loss/two', 'loss/three'];
const IMAGES = 20;

/** A tag of the test's repositories with what it must name. */
type Tagged = Readonly<{ repository: string; tag: string; image: Image }>;

describe('a registry whose index is lost between two runs', () => {
  const seed = seedOfRun();
  const random = new Random(seed);
  let folder: TemporaryFolder;
  let server: KillableServer;
  let tagged: Tagged[] = [];

  beforeAll(async () => {
    console.log(`BERTH_FAULT_SEED=${seed}`);
    folder = await temporaryFolder('loss');
    server = await KillableServer.create(folder.path);
    await server.start();
    for (const repository of REPOSITORIES) {
      for (let i = 0; i < IMAGES; i += 1) {
        const one = { repository, tag: `v${i}`, image: imageOf(random, [random.between(10, 3000)]) };
        expect((await pushImage(server.url, repository, one.tag, one.image)).status).toBe(201);
        tagged.push(one);
      }
    }
    await server.stop();
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it.each([...INDEX_DAMAGES, 'page', 'page', 'page', 'page', 'page', 'page'] as const)(
    'shows all there was after %s',
    async (damage) => {
      await damageIndex(server.root, damage, random);
      await server.start();
      const refused = (await expectAll()) + (await pushPatiently());
      expect(refused).toBeLessThanOrEqual(3);
      // Half of the time with a log that was not written back.
      await (random.chance(0.5) ? server.stop() : server.kill());
    },
  );

  it('shows what is in the files when the index is an old one', async () => {
    const index = join(server.root, 'berth', 'index.sqlite');
    const old = join(folder.path, 'old.sqlite');
    // Damage from before that nobody has met yet would be met here.
    await damageIndex(server.root, 'remove', random);
    await server.start();
    await expectAll();
    await server.stop();
    await copyFile(index, old);

    await server.start();
    const [deleted, moved, untagged, ...rest] = tagged;
    if (!deleted || !moved || !untagged) throw new Error('too few images');
    const image = imageOf(random, [100]);
    const added = { repository: deleted.repository, tag: 'added', image };
    expect((await pushImage(server.url, added.repository, added.tag, image)).status).toBe(201);
    expect((await putManifest(server.url, moved.repository, moved.tag, image)).status).toBe(201);
    const repository = `/v2/${deleted.repository}/manifests`;
    for (const reference of [deleted.image.digest, untagged.tag]) {
      expect((await exchange(server.url, 'DELETE', `${repository}/${reference}`)).status).toBe(202);
    }
    await server.stop();
    for (const suffix of ['-wal', '-shm']) await rm(index + suffix, { force: true });
    await copyFile(old, index);

    await server.start();
    tagged = [...rest, added, { ...moved, image }];
    await expectAll();
    for (const reference of [deleted.image.digest, deleted.tag, untagged.tag]) {
      expect((await exchange(server.url, 'GET', `${repository}/${reference}`)).status).toBe(404);
    }
    await server.stop();
  });

  it('goes on when the files of the index disappear under it', async () => {
    await server.start();
    await damageIndex(server.root, 'remove', random);
    await expectAll();
    await expectHealthy(server.url, random);
    const image = imageOf(random, [100]);
    const late = { repository: 'loss/late', tag: 'v1', image };
    expect((await pushImage(server.url, late.repository, late.tag, image)).status).toBe(201);
    await server.kill();
    await server.start();
    tagged.push(late);
    await expectAll();
    await server.stop();
  });

  /** Damage that shows only in use costs the request that finds it. @returns how many were refused. */
  async function pushPatiently(): Promise<number> {
    const one = { repository: 'loss/one', tag: `w${tagged.length}`, image: imageOf(random, [200]) };
    let refused = 0;
    while ((await pushImage(server.url, one.repository, one.tag, one.image)).status !== 201) {
      refused += 1;
      expect(refused).toBeLessThan(20);
    }
    tagged.push(one);
    return refused;
  }

  /** Every tag is listed and names its image, all of which is there. @returns how many requests were refused. */
  async function expectAll(): Promise<number> {
    let refused = 0;
    const get = async (path: string) => {
      for (;;) {
        const answer = await exchange(server.url, 'GET', path);
        if (answer.status !== 503) {
          expect(answer.status, `${path}: ${answer.body.toString('utf8', 0, 300)}`).toBe(200);
          return answer.body;
        }
        refused += 1;
        expect(refused).toBeLessThan(20);
        await sleep(50);
      }
    };
    const repositories = [...new Set(tagged.map(({ repository }) => repository))];
    const { repositories: listed } = JSON.parse((await get('/v2/_catalog')).toString());
    expect(listed, server.output).toEqual(expect.arrayContaining(repositories));
    for (const repository of repositories) {
      const { tags } = JSON.parse((await get(`/v2/${repository}/tags/list`)).toString());
      const expected = tagged.filter((one) => one.repository === repository).map(({ tag }) => tag);
      expect(tags).toEqual(expected.sort());
    }
    for (const { repository, tag, image } of tagged) {
      expect((await get(`/v2/${repository}/manifests/${tag}`)).equals(image.bytes)).toBe(true);
      expect((await get(`/v2/${repository}/manifests/${image.digest}`)).equals(image.bytes)).toBe(true);
      for (const { digest } of image.blobs) {
        expect(isContent(digest, await get(`/v2/${repository}/blobs/${digest}`))).toBe(true);
      }
    }
    return refused;
  }
});
