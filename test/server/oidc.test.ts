import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { http } from '../support/http.js';
import { OidcService } from '../support/oidc-service.js';
import { basic, pushImage, testImage } from '../support/push.js';

const GITHUB = {
  aud: 'registry.example',
  repository: 'org/app',
  ref: 'refs/heads/main',
  sub: 'repo:org/app',
};
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

let service: OidcService;
let berth: BerthProcess;

beforeAll(async () => {
  service = await OidcService.start();
  berth = await BerthProcess.start({
    config: {
      berth: {
        tokens: { enabled: true },
        oidc: [
          {
            issuer: service.url,
            audience: 'registry.example',
            session: '10s',
            rules: [
              {
                claims: { repository: 'org/*', ref: ['refs/heads/main', 'refs/tags/*'] },
                repositories: 'ci/{repository}/**',
                actions: ['push'],
              },
              { claims: { repository: 'org/*' }, repositories: 'ci/**', actions: ['pull'] },
            ],
          },
        ],
      },
    },
  });
});
afterAll(async () => {
  await berth?.[Symbol.asyncDispose]();
  await service?.[Symbol.asyncDispose]();
});

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** As docker does it, after a login as `oidc` with the token of the job. */
async function login(token: string, scope = '') {
  const headers = { authorization: basic('oidc', token) };
  const answer = await http(`${berth.url}/auth/token?offline_token=true&scope=${scope}`, { headers });
  return { status: answer.status, ...JSON.parse(answer.body.toString()) };
}

async function post(form: Record<string, string>) {
  const answer = await http(`${berth.url}/auth/token`, {
    method: 'POST',
    body: new URLSearchParams(form).toString(),
  });
  return { status: answer.status, ...JSON.parse(answer.body.toString()) };
}

describe('a job of a CI service', () => {
  it('logs in with the token that the service gave it, and pushes where a rule says', async () => {
    const shown = await service.tokenFor(GITHUB);
    const scope = 'repository:ci/org/app/image:pull,push+repository:ci/other:pull,push+repository:b:pull';
    const { token, refresh_token: refreshToken } = await login(shown, scope);
    expect(decodeJwt(token)).toMatchObject({
      sub: 'oidc+repo:org/app',
      access: [{ actions: ['pull', 'push'] }, { actions: ['pull'] }, { actions: [] }],
    });
    await pushImage(berth.url, 'ci/org/app/image', 'v1', testImage('a'), bearer(token));
    await expect(pushImage(berth.url, 'ci/other', 'v1', testImage('a'), bearer(token))).rejects.toThrow(
      /403/,
    );
    const refresh = () =>
      post({ grant_type: 'refresh_token', refresh_token: refreshToken, scope: 'repository:ci/x:pull' });
    expect((await refresh()).scope).toBe('repository:ci/x:pull');
    expect(berth.output).not.toContain(shown);
    await expect.poll(async () => (await refresh()).status).toBe(401);
    expect((await http(`${berth.url}/v2/`, bearer(token))).status).toBe(401);
  });

  it('changes its token for one of ours', async () => {
    const given = await post({
      grant_type: EXCHANGE,
      subject_token: await service.tokenFor(GITHUB),
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      scope: 'repository:ci/org/app/image:pull,push',
    });
    expect(given).toMatchObject({
      status: 200,
      token_type: 'Bearer',
      scope: 'repository:ci/org/app/image:pull,push',
    });
    await pushImage(berth.url, 'ci/org/app/image', 'v2', testImage('b'), bearer(given.access_token));
    expect((await post({ grant_type: EXCHANGE, subject_token: given.access_token })).status).toBe(401);
  });

  it('may do less on another branch, and nothing from elsewhere', async () => {
    const branch = await login(
      await service.tokenFor({ ...GITHUB, ref: 'refs/heads/try' }),
      'repository:ci/org/app/image:pull,push',
    );
    expect(decodeJwt(branch.token)).toMatchObject({ access: [{ actions: ['pull'] }] });
    for (const claims of [{ repository: 'stranger/app' }, { aud: 'elsewhere' }, { exp: 1_000_000_000 }])
      expect((await login(await service.tokenFor({ ...GITHUB, ...claims }))).status).toBe(401);
    expect((await login('nonsense')).status).toBe(401);
    expect((await http(`${berth.url}/v2/ci/org/app/image/tags/list`)).status).toBe(401);
  });
});
