import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OidcJobs } from '../../../src/registry/auth/signing.js';
import { OidcService } from '../../support/oidc-service.js';
import { createAuthority } from '../../support/private-authority.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const UNAUTHORIZED = expect.objectContaining({ code: 'UNAUTHORIZED' });
const UNAVAILABLE = expect.objectContaining({ code: 'UNAVAILABLE' });
const CLAIMS = { aud: 'registry.example', sub: 'repo:org/app', repository: 'org/app' };

let service: OidcService;
let clock: number;
let logged: { fields: object; message: string }[];

beforeEach(async () => {
  service = await OidcService.start();
  clock = Date.now();
  logged = [];
});
afterEach(() => service[Symbol.asyncDispose]());

function open(issuer = service.url, ca?: string[]): OidcJobs {
  const rules = [
    { claims: { repository: ['org/*'] }, repositories: ['team/**'], actions: ['push' as const] },
  ];
  const note = (fields: object, message: string) => void logged.push({ fields, message });
  return new OidcJobs(
    [{ issuer, audience: ['other', 'registry.example'], sessionMs: 3_600_000, rules, ca }],
    {
      log: { info: note, warn: note },
      now: () => clock,
    },
  );
}

const show = async (jobs: OidcJobs, token: string | Promise<string>) =>
  jobs.authenticate(Buffer.from(await token));

describe('a job of a CI service', () => {
  it('logs in with what the service says of it, and may do what a rule says', async () => {
    const jobs = open();
    const token = await service.tokenFor(CLAIMS);
    const { user, job, grants } = await show(jobs, token);
    expect(user).toBe('oidc+repo:org/app');
    expect(job).toEqual({ issuer: service.url, claims: { repository: 'org/app' }, until: clock + 3_600_000 });
    expect(grants?.allow('push', 'team/app')).toBe(true);
    expect(grants?.allow('push', 'elsewhere')).toBe(false);
    await show(jobs, token);
    await show(jobs, service.tokenFor(CLAIMS));
    expect(service.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
    expect(JSON.stringify(logged)).not.toContain(token);
  });

  it('is remembered until the login ends, as long as a rule is about it', async () => {
    const jobs = open();
    const { user, job } = await show(jobs, service.tokenFor(CLAIMS));
    expect(jobs.recall({ user, job })).toMatchObject({ identity: { user, job }, until: job?.until });
    clock += 3_600_000;
    expect(jobs.recall({ user, job })).toBeUndefined();
  });

  it('logs in again with a token that lasts longer than a login', async () => {
    const jobs = open();
    const token = service.tokenFor({ ...CLAIMS, exp: Math.floor(clock / 1000) + 7200 });
    await show(jobs, token);
    clock += 3_600_000;
    expect((await show(jobs, token)).job?.until).toBe(clock + 3_600_000);
    clock += 3_700_000;
    await expect(show(jobs, token)).rejects.toThrow(UNAUTHORIZED);
  });

  it.each([
    { why: 'for another registry', claims: { aud: 'elsewhere' } },
    { why: 'for nobody', claims: { aud: undefined } },
    { why: 'too old', claims: { exp: 1_000_000_000 } },
    { why: 'without an end', claims: { exp: undefined } },
    { why: 'of nobody', claims: { sub: undefined } },
    { why: 'of somebody without a name', claims: { sub: '' } },
    { why: 'of somebody whose name is no text', claims: { sub: { a: 1 } } },
    { why: 'not valid yet', claims: { nbf: 9_000_000_000 } },
    { why: 'of another issuer', claims: { iss: 'https://token.actions.githubusercontent.com' } },
    { why: 'no rule is about it', claims: { repository: 'other/app' } },
    { why: 'it does not say what the rule asks for', claims: { repository: undefined } },
    { why: 'what the rule asks for is no text', claims: { repository: ['org/app'] } },
  ])('is refused: $why', async ({ claims }) => {
    await expect(show(open(), service.tokenFor({ ...CLAIMS, ...claims }))).rejects.toThrow(UNAUTHORIZED);
  });

  it('is refused with any signature but that of the service', async () => {
    const token = await service.tokenFor(CLAIMS);
    const { kid = '' } = decodeProtectedHeader(token);
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const sign = (alg: string, key: Parameters<SignJWT['sign']>[0], more = {}) =>
      new SignJWT(decodeJwt(token)).setProtectedHeader({ alg, kid, ...more }).sign(key);
    const jwk = stranger.publicKey.export({ format: 'jwk' });
    const { keys } = (await (await fetch(`${service.url}/keys`)).json()) as { keys: { n: string }[] };
    const secret = createSecretKey(Buffer.from(keys[0]?.n ?? '', 'base64url'));
    const [, claims = ''] = token.split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', kid })).toString('base64url');
    const jobs = open();
    for (const forged of [
      sign('RS256', stranger.privateKey),
      sign('RS256', stranger.privateKey, { jwk }),
      sign('HS256', secret),
      `${none}.${claims}.`,
      `${token}x`,
      'a.b.c',
      '',
      `${'a'.repeat(20_000)}.b.c`,
    ])
      await expect(show(jobs, forged)).rejects.toThrow(UNAUTHORIZED);
    await show(jobs, token);
  });
});

describe('the keys of a service', () => {
  const later = (ms: number) => {
    const moment = performance.now() + ms;
    clock += ms;
    vi.spyOn(performance, 'now').mockReturnValue(moment);
  };
  afterEach(() => vi.restoreAllMocks());

  it('are found where it says that they are by now', async () => {
    const jobs = open();
    await show(jobs, service.tokenFor(CLAIMS));
    service.keysPath = '/keys2';
    service.changeKey();
    later(40_000);
    await show(jobs, service.tokenFor(CLAIMS));
    expect(service.requests.at(-1)).toBe('/keys2');
  });

  it('are believed for ten minutes, also for a token that was shown before', async () => {
    const jobs = open();
    const token = service.tokenFor({ ...CLAIMS, exp: Math.floor(clock / 1000) + 3000 });
    await show(jobs, token);
    service.changeKey();
    later(590_000);
    await show(jobs, token);
    later(20_000);
    await expect(show(jobs, token)).rejects.toThrow(UNAUTHORIZED);
  });

  it.each([
    { what: 'a page', answer: '<html>' },
    { what: 'no list of keys', answer: '{"keys":5}' },
    { what: 'far too much', answer: 'x'.repeat(2_000_000) },
  ])('let nobody in where something else is in their place: $what', async ({ answer }) => {
    const jobs = open();
    service.notKeys = answer;
    for (let i = 0; i < 5; i++)
      await expect(show(jobs, service.tokenFor(CLAIMS))).rejects.toThrow(UNAVAILABLE);
    expect(service.requests).toEqual(['/.well-known/openid-configuration', '/keys']);
    service.notKeys = undefined;
    later(6000);
    await show(jobs, service.tokenFor(CLAIMS));
  });

  it('are asked for again for one that is not known, though not for each', async () => {
    const jobs = open();
    await show(jobs, service.tokenFor(CLAIMS));
    service.changeKey();
    for (let i = 0; i < 5; i++) await show(jobs, service.tokenFor(CLAIMS)).catch(() => {});
    expect(service.requests.filter((path) => path === '/keys').length).toBeLessThan(3);
  });

  it.each([{ status: 500 }, { status: 404 }, { status: 302 }])(
    'let nobody in while they cannot be had: $status',
    async ({ status }) => {
      const jobs = open();
      service.failure = status;
      for (let i = 0; i < 5; i++)
        await expect(show(jobs, service.tokenFor(CLAIMS))).rejects.toThrow(UNAVAILABLE);
      expect(service.requests).toHaveLength(1);
      expect(logged[0]?.message).toBe('the keys of an issuer in berth.oidc cannot be read');
    },
  );

  it('are not those of whoever calls itself otherwise', async () => {
    service.issuer = 'https://elsewhere.example';
    await expect(show(open(), service.tokenFor(CLAIMS))).rejects.toThrow(UNAVAILABLE);
    expect(service.requests).not.toContain('/keys');
  });

  it('come by TLS, from a private authority too', async () => {
    await using folder = await temporaryFolder('oidc');
    const authority = await createAuthority(join(folder.path, 'tls'), ['127.0.0.1']);
    const [certificate, key] = await Promise.all([
      readFile(authority.tls.certificate),
      readFile(authority.tls.key),
    ]);
    await using secure = await OidcService.start({ tls: { certificate, key } });
    await expect(show(open(secure.url), secure.tokenFor(CLAIMS))).rejects.toThrow(UNAVAILABLE);
    const { user } = await show(open(secure.url, [authority.ca]), secure.tokenFor(CLAIMS));
    expect(user).toBe('oidc+repo:org/app');
  });
});
