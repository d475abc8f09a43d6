import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { http } from '../support/http.js';
import { basic, pushImage, sha256, testImage } from '../support/push.js';
import { run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const rules = [
  { repositories: 'public/**', pull: ['anonymous'], push: ['alice'] },
  { repositories: 'team/**', pull: ['*'], push: ['alice'], delete: ['alice'] },
];
const as = (user: string) => ({ headers: { authorization: basic(user, `${user}-secret`) } });

describe('a registry with users and rules', () => {
  it('lets in who may, tells the others why, and shows only what they may pull', async () => {
    await using registry = await start();
    const { url } = registry.berth;
    const image = testImage('a');
    await pushImage(url, 'public/app', 'v1', image, as('alice'));
    await pushImage(url, 'team/app', 'v1', image, as('alice'));

    expect(await http(`${url}/v2/`)).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.stringMatching(/^Basic realm="/) },
    });
    expect((await http(`${url}/v2/`, as('bob'))).status).toBe(200);
    expect((await http(`${url}/v2/public/app/manifests/v1`)).status).toBe(200);
    expect((await http(`${url}/v2/team/app/manifests/v1`)).status).toBe(401);
    expect((await http(`${url}/v2/team/app/manifests/v1`, as('bob'))).status).toBe(200);
    expect((await http(`${url}/v2/team/app/manifests/v1`, { ...as('bob'), method: 'DELETE' })).status).toBe(
      403,
    );
    await expect(pushImage(url, 'team/app', 'v2', image, as('bob'))).rejects.toThrow(/403.*DENIED/);
    await expect(pushImage(url, 'elsewhere', 'v1', image, as('alice'))).rejects.toThrow(/403/);
    expect(await repositories(url)).toEqual(['public/app']);
    expect(await repositories(url, as('bob'))).toEqual(['public/app', 'team/app']);
    const search = await http(`${url}/v1/search?q=app`);
    expect(JSON.parse(search.body.toString())).toMatchObject({
      num_results: 1,
      results: [{ name: 'public/app' }],
    });
  });

  it('never refuses a mount, and never mounts what the caller may not pull', async () => {
    await using registry = await start([
      { repositories: 'secret', pull: ['alice'], push: ['alice'] },
      { repositories: 'bob/*', pull: ['bob'], push: ['bob'] },
    ]);
    const { url } = registry.berth;
    const image = testImage('a');
    await pushImage(url, 'secret', 'v1', image, as('alice'));
    const digest = sha256(image.blobs[1] ?? '');
    for (const from of ['&from=secret', '']) {
      const mount = { ...as('bob'), method: 'POST' };
      const answer = await http(`${url}/v2/bob/app/blobs/uploads/?mount=${digest}${from}`, mount);
      expect(answer.status).toBe(202);
    }
    expect((await http(`${url}/v2/bob/app/blobs/${digest}`, as('bob'))).status).toBe(404);
  });

  it('notices new users and changed passwords while it runs', async () => {
    await using registry = await start();
    const { url } = registry.berth;
    expect((await http(`${url}/v2/`, as('carol'))).status).toBe(401);
    await run(
      [BERTH, 'user', 'add', 'carol', '--file', registry.passwords, '--password-stdin', '--cost', '4'],
      {
        input: 'carol-secret\n',
      },
    );
    await sleep(1500);
    expect((await http(`${url}/v2/`, as('carol'))).status).toBe(200);
    await run([BERTH, 'user', 'rm', 'alice', '--file', registry.passwords]);
    await sleep(1500);
    expect((await http(`${url}/v2/`, as('alice'))).status).toBe(401);
  });
});

async function start(access: readonly object[] = rules) {
  const folder = await temporaryFolder();
  const passwords = join(folder.path, 'htpasswd');
  await writeHtpasswd(passwords, { alice: 'alice-secret', bob: 'bob-secret' });
  const auth = { htpasswd: { realm: 'test', path: passwords } };
  const berth = await BerthProcess.start({ config: { auth, berth: { access } } });
  return {
    berth,
    passwords,
    async [Symbol.asyncDispose]() {
      await berth[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function repositories(url: string, options = {}): Promise<string[]> {
  const { body } = await http(`${url}/v2/_catalog`, options);
  return JSON.parse(body.toString()).repositories;
}
