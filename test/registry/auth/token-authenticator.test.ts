import { describe, expect, it } from 'vitest';
import { OciError } from '../../../src/oci/index.js';
import type { Caller, Login, Subject } from '../../../src/registry/auth/authenticator.js';
import { parseBasic } from '../../../src/registry/auth/basic.js';
import { parseScopes, TokenAuthenticator } from '../../../src/registry/auth/index.js';

const UNAUTHORIZED = expect.objectContaining({ code: 'UNAUTHORIZED' });
const MINUTES = 60_000;
const SCOPES = parseScopes(['repository:team/app:pull']);
const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Users whose password is also what is stored of it. */
class Passwords {
  readonly canLogIn = true;
  readonly users = new Map([['alice', 'secret']]);

  challenge(): string {
    return 'Basic realm="Team"';
  }

  async authenticate(header: string | undefined): Promise<Caller> {
    const credentials = parseBasic(header);
    if (credentials === undefined) return { identity: 'anonymous', proven: false };
    const { user, password } = credentials;
    if (this.users.get(user) !== password.toString()) throw new OciError('UNAUTHORIZED', 'wrong');
    return { identity: { user }, proven: true };
  }

  async recall({ user }: Subject): Promise<Login | undefined> {
    const fingerprint = this.users.get(user);
    return fingerprint === undefined ? undefined : { identity: { user }, fingerprint };
  }

  close(): void {}
}

function build(options: { secret?: string } = {}) {
  const clock = { now: 1_700_000_000_000 };
  const passwords = new Passwords();
  const authenticator = new TokenAuthenticator(passwords, { ...options, now: () => clock.now });
  const read = (token: string) => authenticator.authenticate(`Bearer ${token}`);
  const issue = async (header?: string) => (await authenticator.issue(header, SCOPES)).token;
  return { clock, passwords, authenticator, read, issue };
}

describe('a token', () => {
  it('stands for the user who asked for it, limited to what it was asked for', async () => {
    const { read, issue } = build();
    const token = await issue(basic('alice', 'secret'));
    expect(await read(token)).toEqual({ identity: { user: 'alice', scopes: SCOPES }, proven: true });
  });

  it.each([{ header: undefined }, { header: 'Basic Og==' }])(
    'stands for nobody when asked for with $header',
    async ({ header }) => {
      const { read, issue } = build();
      expect(await read(await issue(header))).toEqual({ identity: 'anonymous', proven: true });
    },
  );

  it('is not given for a wrong password, nor for another token', async () => {
    const { issue } = build();
    await expect(issue(basic('alice', 'wrong'))).rejects.toThrow(UNAUTHORIZED);
    await expect(issue(`Bearer ${await issue()}`)).rejects.toThrow(UNAUTHORIZED);
  });

  it('goes into a URL and a header as it is', async () => {
    const { issue } = build();
    expect(await issue(basic('alice', 'secret'))).toMatch(/^[\w.-]+$/);
  });

  it('ends after half an hour', async () => {
    const { clock, read, issue, authenticator } = build();
    const { lifetimeSeconds, issuedAt } = await authenticator.issue(undefined, []);
    expect(lifetimeSeconds).toBe(1800);
    expect(issuedAt.getTime()).toBe(clock.now);
    const token = await issue(basic('alice', 'secret'));
    clock.now += 30 * MINUTES - 1000;
    expect(await read(token)).toMatchObject({ proven: true });
    clock.now += 1000;
    await expect(read(token)).rejects.toThrow(UNAUTHORIZED);
  });

  it('ends with the password, and with the user', async () => {
    const { passwords, read, issue } = build();
    const token = await issue(basic('alice', 'secret'));
    passwords.users.set('alice', 'changed');
    await expect(read(token)).rejects.toThrow(UNAUTHORIZED);
    passwords.users.delete('alice');
    await expect(read(token)).rejects.toThrow(UNAUTHORIZED);
    passwords.users.set('alice', 'secret');
    expect(await read(token)).toMatchObject({ identity: { user: 'alice' } });
  });

  it('is taken by those who share the secret, and by nobody else', async () => {
    const token = await build({ secret: 'shared' }).issue(basic('alice', 'secret'));
    expect(await build({ secret: 'shared' }).read(token)).toMatchObject({ identity: { user: 'alice' } });
    for (const options of [{ secret: 'other' }, { secret: '' }, {}])
      await expect(build(options).read(token)).rejects.toThrow(UNAUTHORIZED);
  });

  it('cannot be changed', async () => {
    const { read, issue } = build();
    const token = await issue(basic('alice', 'secret'));
    const [claims = '', mac = ''] = token.split('.');
    const nobody = (await issue()).split('.')[1];
    const forged = Buffer.from(JSON.stringify({ user: 'alice', expiry: 9e9 })).toString('base64url');
    for (const text of [`${forged}.${mac}`, `${claims}.${nobody}`, `${claims}.${mac.slice(1)}`, `${token}=`])
      await expect(read(text)).rejects.toThrow(UNAUTHORIZED);
  });

  it.each(['', '.', 'nonsense', 'a.b.c', `bnVsbA.${'a'.repeat(43)}`, `e30.${'a'.repeat(43)}`, 'é.é', '{}.x'])(
    'is not %j',
    async (text) => expect(build().read(text)).rejects.toThrow(UNAUTHORIZED),
  );

  it('does not replace passwords', async () => {
    const { authenticator } = build();
    expect(await authenticator.authenticate(basic('alice', 'secret'))).toEqual({
      identity: { user: 'alice' },
      proven: true,
    });
    expect(await authenticator.authenticate(undefined)).toEqual({ identity: 'anonymous', proven: false });
  });
});

describe('a challenge', () => {
  const { authenticator } = build();
  const tokenUrl = 'https://reg.example:5000/auth/token';
  const start = `Bearer realm="${tokenUrl}",service="reg.example:5000"`;

  it.each([
    { details: {}, challenge: start },
    { details: { scope: 'repository:a:pull' }, challenge: `${start},scope="repository:a:pull"` },
    {
      details: { scope: 'repository:a:pull', error: 'invalid_token' as const },
      challenge: `${start},scope="repository:a:pull",error="invalid_token"`,
    },
  ])('is $challenge', ({ details, challenge }) =>
    expect(authenticator.challenge({ tokenUrl, ...details })).toBe(challenge),
  );

  it.each([
    { host: '[::1]:5000', why: 'brackets do not go into a URL as they are' },
    { host: 'basic.example', why: 'some look for the last name of a scheme' },
    { host: 'forebearers.example', why: 'some look for the last name of a scheme' },
  ])('has another service for $host: $why', ({ host }) =>
    expect(authenticator.challenge({ tokenUrl: `http://${host}/auth/token` })).toBe(
      `Bearer realm="http://${host}/auth/token",service="registry"`,
    ),
  );

  it('asks for a password where clients could not be told where to get a token', () =>
    expect(authenticator.challenge({ tokenUrl: undefined })).toBe('Basic realm="Team"'));
});
