import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { type HttpOptions, http } from '../support/http.js';
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
      headers: {
        'www-authenticate': `Bearer realm="${url}/auth/token",service="${registry.berth.address}"`,
      },
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
    const status = async (user: string) => (await http(`${url}/v2/`, as(user))).status;
    await expect.poll(() => status('carol')).toBe(200);
    await run([BERTH, 'user', 'rm', 'alice', '--file', registry.passwords]);
    await expect.poll(() => status('alice')).toBe(401);
  });
});

describe('tokens', () => {
  it('are given to nobody too, for what anybody may pull', async () => {
    await using registry = await start();
    const { url } = registry.berth;
    await pushImage(url, 'public/app', 'v1', testImage('a'), as('alice'));
    const answer = await http(`${url}/auth/token?service=any&scope=repository:public/app:pull`);
    expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    const { token, access_token, expires_in, issued_at } = JSON.parse(answer.body.toString());
    expect([access_token, expires_in]).toEqual([token, 1800]);
    expect(issued_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);

    expect((await http(`${url}/v2/`, bearer(token))).status).toBe(200);
    expect((await http(`${url}/v2/public/app/manifests/v1`, bearer(token))).status).toBe(200);
    expect(await repositories(url, bearer(token))).toEqual(['public/app']);
    expect(await challenge(`${url}/v2/team/app/manifests/v1`, bearer(token))).toMatch(
      /,scope="repository:team\/app:pull",error="insufficient_scope"$/,
    );
    expect(registry.berth.output).not.toContain(token);
  });

  it('are given to users for what they ask for', async () => {
    await using registry = await start();
    const { url } = registry.berth;
    const image = testImage('a');
    const scopes = 'repository:team/app:push,pull repository:elsewhere:pull';
    const alice = bearer(await tokenOf(url, scopes, as('alice')));
    await pushImage(url, 'team/app', 'v1', image, alice);
    expect((await http(`${url}/v2/`, alice)).status).toBe(200);
    expect((await http(`${url}/v2/elsewhere/manifests/v1`, alice)).status).toBe(403);
    const removed = `${url}/v2/team/app/manifests/v1`;
    expect(await challenge(removed, { ...alice, method: 'DELETE' })).toMatch(
      /,scope="repository:team\/app:delete",error="insufficient_scope"$/,
    );
    const bob = bearer(await tokenOf(url, scopes, as('bob')));
    expect((await http(`${url}/v2/team/app/manifests/v1`, bob)).status).toBe(200);
    await expect(pushImage(url, 'team/app', 'v2', image, bob)).rejects.toThrow(/403.*DENIED/);
  });

  it('say in each challenge what to ask for', async () => {
    await using registry = await start();
    const { url } = registry.berth;
    const post = { method: 'POST' };
    expect(await challenge(`${url}/v2/team/app/tags/list`)).toMatch(/,scope="repository:team\/app:pull"$/);
    for (const upload of ['', '?mount=sha256:0&from=public/app']) {
      expect(await challenge(`${url}/v2/team/app/blobs/uploads/${upload}`, post)).toMatch(
        /,scope="repository:team\/app:pull,push"$/,
      );
    }
    expect(await challenge(`${url}/v2/_catalog`, bearer('nonsense'))).toMatch(
      /,scope="registry:catalog:\*",error="invalid_token"$/,
    );
    expect(await challenge(`${url}/v2/`, bearer('nonsense'))).toMatch(/",error="invalid_token"$/);
    expect(await challenge(`${url}/v2/`, as('mallory'))).not.toContain('error=');
  });

  it('are only given for right passwords', async () => {
    await using registry = await start();
    const { url } = registry.berth;
    expect(await challenge(`${url}/auth/token`, as('mallory'))).toMatch(/^Basic realm="/);
    expect(await challenge(`${url}/auth/token`, bearer('nonsense'))).toMatch(/^Basic realm="/);
    const post = (body: string) => http(`${url}/auth/token`, { method: 'POST', body });
    const form = 'grant_type=password&username=alice&access_type=offline&password=';
    expect(await post(`${form}wrong`)).toMatchObject({ status: 401 });
    expect(await post('grant_type=magic')).toMatchObject({ status: 400 });
    for (const nobody of ['', '&username=&password='])
      expect(await post(`grant_type=password${nobody}`)).toMatchObject({ status: 400 });
    const given = JSON.parse((await post(`${form}alice-secret`)).body.toString());
    expect((await http(`${url}/v2/`, bearer(given.access_token))).status).toBe(200);
    expect(given).not.toHaveProperty('refresh_token'); // it would end with this process
  });

  it('are given for a refresh token, as long as the password stays', async () => {
    await using registry = await start(rules, { http: { secret: 'shared' } });
    const url = `${registry.berth.url}/auth/token`;
    const first = JSON.parse((await http(`${url}?offline_token=true`, as('alice'))).body.toString());
    const body = `grant_type=refresh_token&refresh_token=${first.refresh_token}&scope=repository:a:pull`;
    const renew = () => http(url, { method: 'POST', body });
    const { access_token: token } = JSON.parse((await renew()).body.toString());
    expect((await http(`${registry.berth.url}/v2/`, bearer(token))).status).toBe(200);
    for (const wrong of [bearer(first.refresh_token), bearer('')])
      expect((await http(`${registry.berth.url}/v2/`, wrong)).status).toBe(401);
    expect((await http(url, { method: 'POST', body: body.replace(first.refresh_token, token) })).status).toBe(
      401,
    );
    await run([BERTH, 'user', 'rm', 'alice', '--file', registry.passwords]);
    await expect.poll(async () => (await renew()).status).toBe(401);
  });

  it('end with the password, and outlive the process where there is a secret', async () => {
    await using registry = await start(rules, { http: { secret: 'shared', prefix: '/behind/' } });
    const url = `${registry.berth.url}/behind`;
    const token = bearer(await tokenOf(url, '', as('alice')));
    await using twin = await start(rules, { http: { secret: 'shared' } }, registry.passwords);
    expect((await http(`${twin.berth.url}/v2/`, token)).status).toBe(200);
    await run([BERTH, 'user', 'rm', 'alice', '--file', registry.passwords]);
    await expect.poll(async () => (await http(`${url}/v2/`, token)).status).toBe(401);
  });

  it('are asked for where clients reach the registry', async () => {
    await using registry = await start();
    const { url } = registry.berth;
    const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'reg.example' };
    expect(await challenge(`${url}/v2/`, { headers: forwarded })).toBe(
      'Bearer realm="https://reg.example/auth/token",service="reg.example"',
    );
    expect(await challenge(`${url}/v2/`, { headers: { host: 'a",realm="b' } })).toMatch(/^Basic realm="/);
    await using configured = await start(rules, { http: { host: 'https://reg.example:8443' } });
    expect(await challenge(`${configured.berth.url}/v2/`)).toBe(
      'Bearer realm="https://reg.example:8443/auth/token",service="reg.example:8443"',
    );
  });

  it('are not needed, and not given, where nobody pulls without a login', async () => {
    await using registry = await start([{ repositories: '**', pull: ['*'] }]);
    const { url } = registry.berth;
    expect(await challenge(`${url}/v2/`)).toBe('Basic realm="test"');
    expect(await challenge(`${url}/v2/team/app/tags/list`)).toBe('Basic realm="test"');
    expect((await http(`${url}/auth/token`)).status).toBe(404);
  });
});

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

async function tokenOf(url: string, scope: string, options: HttpOptions): Promise<string> {
  const { body } = await http(`${url}/auth/token?scope=${encodeURIComponent(scope)}`, options);
  return JSON.parse(body.toString()).token;
}

async function challenge(url: string, options: HttpOptions = {}): Promise<string | undefined> {
  const { status, headers } = await http(url, options);
  expect(status).toBe(401);
  return headers['www-authenticate'];
}

/** @param others a file of passwords that is there already. */
async function start(access: readonly object[] = rules, config: object = {}, others?: string) {
  const folder = await temporaryFolder();
  const passwords = others ?? join(folder.path, 'htpasswd');
  if (others === undefined) {
    await writeHtpasswd(passwords, { alice: 'alice-secret', bob: 'bob-secret' });
  }
  const auth = { htpasswd: { realm: 'test', path: passwords } };
  const berth = await BerthProcess.start({ config: { auth, berth: { access }, ...config } });
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
