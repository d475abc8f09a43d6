import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { DebianRegistry } from '../support/debian-registry.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { type HttpOptions, http } from '../support/http.js';
import { basic, pushImage, sha256, testImage } from '../support/push.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const access = [
  { repositories: 'public/**', pull: ['anonymous'], push: ['alice'] },
  { repositories: 'team/**', pull: ['*'], push: ['alice'] },
];

let folder: TemporaryFolder;
let auth: object;

beforeAll(async () => {
  folder = await temporaryFolder('tokens');
  const path = join(folder.path, 'htpasswd');
  await writeHtpasswd(path, { alice: 'alice-secret', bob: 'bob-secret' });
  auth = { htpasswd: { realm: 'Team', path } };
});
afterAll(() => folder[Symbol.asyncDispose]());

const as = (user: string) => ({ headers: { authorization: basic(user, `${user}-secret`) } });
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

function start(tokens: object = {}, more: { root?: string; berth?: object } = {}): Promise<BerthProcess> {
  const { berth, ...options } = more;
  const config = { auth, berth: { access, tokens: { enabled: true, ...tokens }, ...berth } };
  return BerthProcess.start({ config, ...options });
}

async function ask(url: string, scope: string, options: HttpOptions = {}) {
  const answer = await http(`${url}/auth/token?service=berth&scope=${encodeURIComponent(scope)}`, options);
  return JSON.parse(answer.body.toString()) as Record<string, string> & { token: string };
}

describe('a registry that gives tokens for all to read', () => {
  it('asks every client for one, and grants what both the client and the rules want', async () => {
    await using berth = await start();
    const { url } = berth;
    expect((await http(`${url}/v2/`)).headers['www-authenticate']).toBe(
      `Bearer realm="${url}/auth/token",service="berth"`,
    );
    const scope = 'repository:team/app:pull,push repository:public/app:push,pull registry:catalog:*';
    const bob = await ask(url, scope, as('bob'));
    expect(decodeJwt(bob.token)).toMatchObject({
      iss: 'berth',
      aud: 'berth',
      sub: 'bob',
      access: [
        { type: 'repository', name: 'team/app', actions: ['pull'] },
        { type: 'repository', name: 'public/app', actions: ['pull'] },
      ],
    });
    const nobody = await ask(url, scope);
    expect(decodeJwt(nobody.token)).toMatchObject({
      sub: '',
      access: [{ actions: [] }, { name: 'public/app', actions: ['pull'] }],
    });
    const alice = await ask(url, scope, as('alice'));
    await pushImage(url, 'public/app', 'v1', testImage('a'), bearer(alice.token));
    for (const { token } of [alice, bob, nobody])
      expect((await http(`${url}/v2/public/app/manifests/v1`, bearer(token))).status).toBe(200);
    const refused = await pushImage(url, 'team/app', 'v1', testImage('a'), bearer(bob.token)).catch(String);
    expect(refused).toMatch(/403.*DENIED/);
    expect((await http(`${url}/v2/team/app/tags/list`, bearer(nobody.token))).status).toBe(401);
    expect((await http(`${url}/auth/token`, as('mallory'))).status).toBe(401);
  });

  it('publishes the keys, and no more than that', async () => {
    await using berth = await start({ service: 'registry.example', issuer: 'https://registry.example/auth' });
    const { url, root } = berth;
    const { token } = await ask(url, 'repository:public/app:pull');
    const keys = createRemoteJWKSet(new URL(`${url}/auth/jwks.json`));
    const options = { issuer: 'https://registry.example/auth', audience: 'registry.example' };
    expect((await jwtVerify(token, keys, options)).payload.sub).toBe('');
    const file = join(root, 'berth/token-keys.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { secret, authority } = JSON.parse(await readFile(file, 'utf8'));
    const published = (await http(`${url}/auth/jwks.json`)).body.toString();
    for (const text of [published, berth.output]) {
      for (const hidden of [secret, authority.key.d, '"d":', token]) expect(text).not.toContain(hidden);
    }
    expect((await http(`${url}/auth/jwks.json`, { method: 'DELETE' })).status).toBe(405);
  });

  it('gives refresh tokens that outlive the process, with no secret in the configuration', async () => {
    const root = join(folder.path, 'kept');
    const login = async (url: string) => JSON.parse((await offline(url)).body.toString());
    const offline = (url: string) => http(`${url}/auth/token?offline_token=true`, as('alice'));
    let first: Record<string, string>;
    {
      await using berth = await start({}, { root });
      first = await login(berth.url);
    }
    await using berth = await start({}, { root });
    const body = `grant_type=refresh_token&refresh_token=${first.refresh_token}&scope=repository:team/app:pull,delete`;
    const answer = await http(`${berth.url}/auth/token`, { method: 'POST', body });
    expect(answer.status).toBe(200);
    const { access_token, scope, expires_in } = JSON.parse(answer.body.toString());
    expect([scope, expires_in]).toEqual(['repository:team/app:pull', 1800]);
    expect((await http(`${berth.url}/v2/`, bearer(access_token))).status).toBe(200);
    expect((await http(`${berth.url}/v2/`, bearer(first.token ?? ''))).status).toBe(200);
  });

  it('lets an upload be ended with the token that it began with, and nothing else', async () => {
    await using berth = await start({ lifetime: '5s' });
    const { url } = berth;
    const scope = 'repository:team/app:pull,push repository:team/other:pull,push';
    const { token } = await ask(url, scope, as('alice'));
    const post = { method: 'POST', ...bearer(token) };
    const upload = await http(`${url}/v2/team/app/blobs/uploads/`, post);
    await sleep(6500); // the start of an upload is known to the second
    const { token: later } = await ask(url, scope, as('alice'));
    const other = await http(`${url}/v2/team/app/blobs/uploads/`, { ...post, ...bearer(later) });
    const blob = Buffer.from('a blob that takes longer than its token lasts');
    const patch = { method: 'PATCH', body: blob, ...bearer(token) };
    expect(await statusOf(url, upload.headers.location, { ...patch, ...bearer(`${token}x`) })).toBe(401);
    const elsewhere = upload.headers.location?.replace('team/app', 'team/other');
    expect(await statusOf(url, elsewhere, patch)).toBe(401);
    const begun = await http(`${url}${upload.headers.location}`, patch);
    expect(begun.status).toBe(202);
    const digest = `${begun.headers.location?.includes('?') ? '&' : '?'}digest=${sha256(blob)}`;
    const put = { method: 'PUT', ...bearer(token) };
    expect(await statusOf(url, `${begun.headers.location}${digest}`, put)).toBe(201);

    const refused = await http(`${url}/v2/team/app/blobs/uploads/`, post);
    expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(await statusOf(url, '/v2/team/app/tags/list', bearer(token))).toBe(401);
    expect(await statusOf(url, '/v2/team/app/blobs/uploads/none', patch)).toBe(401);
    expect(await statusOf(url, other.headers.location, patch)).toBe(401);
  });

  it('changes its keys while a push goes on', async () => {
    const rotation = { rotation: '2s' };
    await using berth = await start(rotation);
    await using twin = await start({ ...rotation, keys: join(berth.root, 'berth/token-keys.json') });
    const { url } = berth;
    const scope = 'repository:team/app:pull,push';
    const { token } = await ask(url, scope, as('alice'));
    const kid = (text: string) => decodeProtectedHeader(text).kid;
    const blob = Buffer.from('a blob that takes its time');
    const upload = await http(`${url}/v2/team/app/blobs/uploads/`, { method: 'POST', ...bearer(token) });
    let newer = token;
    for (const giveUp = Date.now() + 60_000; kid(newer) === kid(token); await sleep(300)) {
      expect(Date.now()).toBeLessThan(giveUp);
      newer = (await ask(url, scope, as('alice'))).token;
    }
    const target = `${url}${upload.headers.location}`;
    const end = `${target}${target.includes('?') ? '&' : '?'}digest=${sha256(blob)}`;
    expect((await http(end, { method: 'PUT', body: blob, ...bearer(token) })).status).toBe(201);
    await pushImage(url, 'team/app', 'v1', testImage('a'), bearer(newer));
    for (const each of [token, newer]) expect((await http(`${twin.url}/v2/`, bearer(each))).status).toBe(200);
  });

  it('gives tokens that docker-registry takes, after its keys have changed too', async () => {
    await using berth = await start({ rotation: '2s' });
    const rootcertbundle = join(folder.path, 'authority.pem');
    await writeFile(rootcertbundle, (await http(`${berth.url}/auth/certificate.pem`)).body);
    const token = {
      realm: `${berth.url}/auth/token`,
      service: 'berth',
      issuer: 'berth',
      rootcertbundle,
    };
    await using registry = await DebianRegistry.start({ config: { auth: { token } } });
    const scope = 'repository:team/app:pull,push';
    const kids = new Set<string | undefined>();
    for (const giveUp = Date.now() + 60_000; kids.size < 2; await sleep(300)) {
      expect(Date.now()).toBeLessThan(giveUp);
      const { token } = await ask(berth.url, scope, as('alice'));
      kids.add(decodeProtectedHeader(token).kid);
      expect(await begin(registry.url, token)).toBe(202);
    }
    const { token: bob } = await ask(berth.url, scope, as('bob'));
    expect((await http(`${registry.url}/v2/team/app/tags/list`, bearer(bob))).status).toBe(404);
    expect(await begin(registry.url, bob)).toBe(401);
    expect((await http(`${registry.url}/v2/_catalog`, bearer(bob))).status).toBe(401);
    await using other = await BerthProcess.start({ config: { auth: { token } } });
    const { token: alice } = await ask(berth.url, scope, as('alice'));
    expect(await begin(other.url, alice)).toBe(202);
    expect(await begin(other.url, bob)).toBe(401);
  });
});

async function statusOf(url: string, path: string | undefined, options: HttpOptions): Promise<number> {
  return (await http(`${url}${path}`, options)).status;
}

/** Of an upload. */
async function begin(url: string, token: string): Promise<number> {
  return (await http(`${url}/v2/team/app/blobs/uploads/`, { method: 'POST', ...bearer(token) })).status;
}
