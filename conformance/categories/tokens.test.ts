import { expect } from 'vitest';
import { type Challenge, parseChallenges } from '../challenge.ts';
import { bearer } from '../challenged.ts';
import { expectBytes, expectStatus } from '../checks.ts';
import { tokenIn } from '../client.ts';
import { randomBlob } from '../content.ts';
import type { Repository } from '../repository.ts';
import { category, requirement, type Trial } from '../requirement.ts';

function scope(target: Repository, actions: string): string {
  return `repository:${target.name}:${actions}`;
}

/** A token for exactly these scopes. */
async function granted({ client }: Trial, challenge: Challenge, query: string): Promise<string> {
  const answer = await client.requestToken(challenge, query);
  expectStatus(answer, 200);
  const token = tokenIn(answer);
  if (token === undefined) expect.fail(`${answer}: no token`);
  return `Bearer ${token}`;
}

/** Opens an upload with this token and cancels it again. @returns the status of the opening. */
async function tryPush(target: Repository, authorization: string): Promise<number> {
  const answer = await target.postUpload('', { authorization });
  if (answer.status === 202) await target.client.request('DELETE', answer.location(), { authorization });
  return answer.status;
}

category('tokens', () => {
  requirement('C7a.1', 'MUST', 'names realm and service in a Bearer challenge', async (trial) => {
    const { parameters } = await bearer(trial);
    expect(URL.canParse(parameters.get('realm') ?? ''), `realm ${parameters.get('realm')} is a URL`).toBe(
      true,
    );
    expect(parameters.get('service'), 'service').toMatch(/./);
    // Some clients paste "?service=..." behind it.
    expect(parameters.get('realm'), 'realm').not.toContain('?');
    expect(encodeURI(parameters.get('service') ?? ''), 'service in a URL').toBe(parameters.get('service'));
  });

  requirement('C7a.2', 'MUST', 'names the scope that a push needs', async (trial) => {
    await bearer(trial);
    const target = trial.repository();
    const answer = await target.postUpload('', { authorization: 'none' });
    expectStatus(answer, 401);
    const wanted = parseChallenges(answer.header('WWW-Authenticate') ?? '')[0]?.parameters.get('scope') ?? '';
    // The order of actions varies and means nothing.
    expect(wanted.replace(/:[^:]*$/, ''), `scope ${wanted}`).toBe(`repository:${target.name}`);
    expect(wanted.split(':').at(-1)?.split(',').toSorted(), `scope ${wanted}`).toEqual(['pull', 'push']);
  });

  requirement('C2.2', 'MUST', 'lets docker log in with a token', async (trial) => {
    const challenge = await bearer(trial);
    const account = encodeURIComponent(trial.client.settings.credentials?.username ?? '');
    const query = `account=${account}&client_id=docker&offline_token=true`;
    const authorization = await granted(trial, challenge, query);
    expectStatus(await trial.client.request('GET', '/v2/', { authorization }), 200);
  });

  requirement('C7a.3', 'MAY', 'takes Basic everywhere beside tokens', async (trial) => {
    await bearer(trial);
    const target = trial.repository();
    const image = await target.pushImage('v1');
    const authorization = trial.client.basic() ?? trial.skip('no credentials given');
    const answer = await target.request('GET', 'manifests/v1', { authorization });
    if (answer.status === 401) trial.skip('tokens only');
    expectBytes(answer, image.bytes);
  });

  // distribution's token document: several scope parameters, or several scopes in one, in any mix.
  requirement('C3', 'MUST', 'grants several scopes, in one parameter or in several', async (trial) => {
    const challenge = await bearer(trial);
    const [one, two] = [trial.repository(), trial.repository()];
    const scopes = [scope(one, 'pull,push'), scope(two, 'push,pull')].map(encodeURIComponent);
    for (const query of [
      `scope=${scopes.join('&scope=')}`,
      `scope=${scopes.join('%20')}`,
      `scope=${scopes.join('+')}&scope=${scopes[0]}`,
    ]) {
      const authorization = await granted(trial, challenge, query);
      expect([await tryPush(one, authorization), await tryPush(two, authorization)], query).toEqual([
        202, 202,
      ]);
    }
  });

  requirement('C5', 'MUST', 'answers 200 to scopes that it grants nothing of', async (trial) => {
    const challenge = await bearer(trial);
    for (const wanted of [
      'repository:someone/elses:pull',
      'repository:a:fly',
      'planet:mars:conquer',
      'registry:catalog:*',
    ]) {
      await granted(trial, challenge, `scope=${encodeURIComponent(wanted)}`);
    }
  });

  requirement('C6', 'SHOULD', 'gives a token both of its names, and a lifetime', async (trial) => {
    const challenge = await bearer(trial);
    const answer = await trial.client.requestToken(challenge, '');
    expectStatus(answer, 200);
    const fields = answer.json() as Record<string, unknown>;
    expect(fields.access_token, 'access_token').toBe(fields.token);
    expect(fields.expires_in, 'expires_in').toBeGreaterThanOrEqual(60);
    expect(Date.parse(String(fields.issued_at)), 'issued_at is a time').not.toBeNaN();
    expect(fields.refresh_token, 'refresh_token that nobody asked for').toBeUndefined();
  });

  // RFC 6749 section 4.3. Clients that try this first go on with GET after 400, 401, 404 or 405.
  requirement('C7.1', 'MAY', 'gives a token for a password by POST', async (trial) => {
    const challenge = await bearer(trial);
    const answer = await postToken(trial, challenge, { grant_type: 'password' });
    if ([400, 401, 404, 405].includes(answer.status)) trial.skip(`not supported (${answer.status})`);
    expectStatus(answer, 200);
    expect(answer.json(), 'access_token').toHaveProperty('access_token');
    expect(answer.json(), 'scope').toHaveProperty('scope');
  });

  requirement('C7.2', 'MUST', 'exchanges a refresh token that it gave', async (trial) => {
    const challenge = await bearer(trial);
    const answer = await trial.client.requestToken(challenge, 'offline_token=true&client_id=docker');
    const refresh = (answer.json() as { refresh_token?: unknown }).refresh_token;
    if (typeof refresh !== 'string') return trial.skip('gives no refresh tokens');
    // Jib pastes it into its form as it is.
    expect(encodeURIComponent(refresh), 'refresh token in a form').toBe(refresh);
    const renewed = await postToken(trial, challenge, {
      grant_type: 'refresh_token',
      refresh_token: refresh,
    });
    expectStatus(renewed, 200);
    const authorization = `Bearer ${tokenIn(renewed)}`;
    expectStatus(await trial.client.request('GET', '/v2/', { authorization }), 200);
  });

  requirement(
    'C7c.1',
    'SHOULD',
    'answers insufficient_scope to a token for something else',
    async (trial) => {
      const challenge = await bearer(trial);
      const [mine, other] = [trial.repository(), trial.repository()];
      const authorization = await granted(
        trial,
        challenge,
        `scope=${encodeURIComponent(scope(mine, 'pull,push'))}`,
      );
      const answer = await other.postUpload('', { authorization });
      expectStatus(answer, 401);
      const { parameters } = parseChallenges(answer.header('WWW-Authenticate') ?? '')[0] ?? {
        parameters: new Map(),
      };
      expect(parameters.get('error'), 'error').toBe('insufficient_scope');
      expect(parameters.get('scope'), 'scope').toContain(`repository:${other.name}:`);
    },
  );

  requirement('C7c.2', 'MUST', 'answers 401 with a challenge to a token that is none', async (trial) => {
    await bearer(trial);
    for (const authorization of ['Bearer nonsense', 'Bearer a.b.c']) {
      const answer = await trial.client.request('GET', '/v2/', { authorization });
      expectStatus(answer, 401);
      expect(
        parseChallenges(answer.header('WWW-Authenticate') ?? '')[0]?.scheme,
        `${answer}: challenge`,
      ).toBe('bearer');
    }
  });

  requirement('C7c.3', 'MUST', 'lets a token for pulling only pull', async (trial) => {
    const challenge = await bearer(trial);
    const target = trial.repository();
    const image = await target.pushImage('v1');
    const authorization = await granted(
      trial,
      challenge,
      `scope=${encodeURIComponent(scope(target, 'pull'))}`,
    );
    expectBytes(
      await target.request('GET', 'manifests/v1', { authorization, headers: { Accept: '*/*' } }),
      image.bytes,
    );
    expectStatus(await target.postUpload('', { authorization }), 401, 403);
    expectStatus(await target.request('DELETE', `manifests/${image.digest}`, { authorization }), 401, 403);
    expectBytes(await target.getManifest('v1'), image.bytes);
  });

  // Podman cancels what it mounted instead, with the token of the push.
  requirement('C7e', 'SHOULD', 'lets a token for pushing cancel its upload', async (trial) => {
    const challenge = await bearer(trial);
    const target = trial.repository();
    const authorization = await granted(
      trial,
      challenge,
      `scope=${encodeURIComponent(scope(target, 'pull,push'))}`,
    );
    const opened = await target.postUpload('', { authorization });
    expectStatus(opened, 202);
    expectStatus(await trial.client.request('DELETE', opened.location(), { authorization }), 204);
  });

  // Any other status ends a push of containerd's; with both scopes in the challenge a client can ask again.
  requirement(
    'V17',
    'SHOULD',
    'answers a mount without rights on the source with 401 or 202',
    async (trial) => {
      const challenge = await bearer(trial);
      const [source, target] = [trial.repository(), trial.repository()];
      const blob = await source.pushBlob(randomBlob());
      const authorization = await granted(
        trial,
        challenge,
        `scope=${encodeURIComponent(scope(target, 'pull,push'))}`,
      );
      const answer = await target.postUpload(`?mount=${blob.digest}&from=${source.name}`, { authorization });
      expectStatus(answer, 401, 202);
      if (answer.status === 202) return;
      const wanted =
        parseChallenges(answer.header('WWW-Authenticate') ?? '')[0]?.parameters.get('scope') ?? '';
      expect(wanted.split(' ').length, `scopes in ${wanted}`).toBe(2);
      for (const { name } of [source, target]) expect(wanted).toContain(`repository:${name}:`);
    },
  );
});

/** RFC 6749 section 4.3.2: the form that clients send. */
function postToken({ client }: Trial, challenge: Challenge, fields: Record<string, string>) {
  const { username = '', password = '' } = client.settings.credentials ?? {};
  const own = fields.grant_type === 'password' ? { username, password } : {};
  const service = challenge.parameters.get('service') ?? '';
  const form = new URLSearchParams({ ...fields, ...own, service, client_id: 'containerd-client' });
  return client.request('POST', new URL(challenge.parameters.get('realm') ?? '', client.base), {
    authorization: 'none',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
}
