import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { http } from '../support/http.js';
import { basic, pushImage, testImage } from '../support/push.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

let folder: TemporaryFolder;
let path: string;
let auth: object;

beforeAll(async () => {
  folder = await temporaryFolder('robots');
  path = join(folder.path, 'robots.json');
  const htpasswd = join(folder.path, 'htpasswd');
  await writeHtpasswd(htpasswd, { alice: 'alice-secret' });
  auth = { htpasswd: { realm: 'Team', path: htpasswd } };
});
afterAll(() => folder[Symbol.asyncDispose]());

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

async function add(name: string, ...options: string[]): Promise<string> {
  return (await run([BERTH, 'robot', 'add', name, '--file', path, ...options])).trim();
}

describe('robots', () => {
  it('do what they were made for, and what everybody may, whatever the rules say of users', async () => {
    const access = [
      { repositories: 'public/**', pull: ['anonymous'], push: ['alice'] },
      { repositories: 'team/**', pull: ['*'], push: ['*'] },
    ];
    await using berth = await BerthProcess.start({ config: { auth, berth: { access, robots: { path } } } });
    const { url, config } = berth;
    const secret = (
      await run([BERTH, 'robot', 'add', 'ci', '--config', config, '--repo', 'team/app', '--actions', 'push'])
    ).trim();
    const ci = { headers: { authorization: basic('robot+ci', secret) } };
    await expect.poll(async () => (await http(`${url}/v2/`, ci)).status).toBe(200);
    const alice = { headers: { authorization: basic('alice', 'alice-secret') } };
    await pushImage(url, 'public/base', 'v1', testImage('a'), alice);
    await pushImage(url, 'team/other', 'v1', testImage('a'), alice);
    await pushImage(url, 'team/app', 'v1', testImage('a'), ci);
    const status = async (method: string, at: string) =>
      (await http(`${url}/v2/${at}`, { method, ...ci })).status;
    expect(await status('GET', 'team/app/manifests/v1')).toBe(200);
    expect(await status('GET', 'public/base/manifests/v1')).toBe(200);
    expect(await status('GET', 'team/other/manifests/v1')).toBe(403);
    expect(await status('DELETE', 'team/app/manifests/v1')).toBe(403);
    const listed = await http(`${url}/v2/_catalog`, ci);
    expect(JSON.parse(listed.body.toString())).toEqual({ repositories: ['public/base', 'team/app'] });
    expect(berth.output).not.toContain(secret);
    expect(await readFile(path, 'utf8')).not.toContain(secret);
  });

  it('get tokens that end with them', async () => {
    const berthConfig = { tokens: { enabled: true }, robots: { path } };
    const removed = await add('removed', '--repo', 'team/*', '--actions', 'pull,push');
    await using berth = await BerthProcess.start({ config: { berth: berthConfig } });
    const { url } = berth;
    const ask = async (user: string, secret: string) => {
      const scope = 'scope=repository:team/app:pull,push,delete&offline_token=true';
      const headers = { authorization: basic(user, secret) };
      return JSON.parse((await http(`${url}/auth/token?${scope}`, { headers })).body.toString());
    };
    const status = async (token: string) =>
      (await http(`${url}/v2/team/app/tags/list`, bearer(token))).status;
    const brief = await add('brief', '--repo', 'team/*', '--expires', '12s');
    await expect.poll(() => ask('robot+brief', brief)).toHaveProperty('token');
    const shortLived = await ask('robot+brief', brief);
    expect(shortLived.expires_in).toBeLessThan(13);
    expect(decodeJwt(shortLived.token)).toMatchObject({
      sub: 'robot+brief',
      access: [{ actions: ['pull'] }],
    });
    expect(await status(shortLived.token)).toBe(404);
    const other = await ask('robot+removed', removed);
    expect(decodeJwt(other.token)).toMatchObject({ access: [{ actions: ['pull', 'push'] }] });
    await pushImage(url, 'team/app', 'v1', testImage('a'), bearer(other.token));
    expect(await status(other.token)).toBe(200);
    await run([BERTH, 'robot', 'rm', 'removed', '--file', path]);
    for (const { token, refresh_token } of [shortLived, other]) {
      await expect.poll(() => status(token)).toBe(401);
      const body = `grant_type=refresh_token&refresh_token=${refresh_token}`;
      const renewed = async () => (await http(`${url}/auth/token`, { method: 'POST', body })).status;
      await expect.poll(renewed).toBe(401);
    }
    for (const [user, secret] of [
      ['robot+brief', brief],
      ['robot+removed', removed],
    ] as const)
      await expect.poll(() => ask(user, secret)).toHaveProperty('errors');
    expect((await http(`${url}/v2/team/app/tags/list`)).status).toBe(401);
  });
});
