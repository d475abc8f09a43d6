import { createHmac, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { editFile } from '../../../src/cli/file-edit.js';
import type { Login, Subject } from '../../../src/registry/auth/authenticator.js';
import { SignedTokens, TokenKeys } from '../../../src/registry/auth/signing.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const SCOPES = [{ repository: 'team/app', actions: ['pull'] }];
const ALICE = { user: 'alice' };
const log = { info() {}, warn() {} };

let folder: TemporaryFolder;
let keys: TokenKeys;
let clock = Date.now();
const users = new Map([['alice', 'hash']]);
let until: number | undefined;

beforeAll(async () => {
  folder = await temporaryFolder('signed-tokens');
  keys = await TokenKeys.open({
    path: join(folder.path, 'keys.json'),
    issuer: 'berth',
    rotationMs: 0,
    overlapMs: 0,
    editFile,
    log,
    now: () => clock,
  });
});

afterAll(() => folder[Symbol.asyncDispose]());

async function recall({ user }: Subject): Promise<Login | undefined> {
  const fingerprint = users.get(user);
  return fingerprint === undefined ? undefined : { identity: { user }, fingerprint, until };
}

function open(
  options: { service?: string; issuer?: string; seesAll?: () => boolean } = {},
): Promise<SignedTokens> {
  return SignedTokens.open({
    keys,
    issuer: 'berth',
    service: 'registry',
    lifetimeSeconds: 1800,
    seesAll: () => false,
    recall,
    now: () => clock,
    ...options,
  });
}

/** What a token would say of alice, signed by somebody or other. */
async function forged(
  change: { alg?: string; payload?: JWTPayload; header?: object },
  key: KeyObject,
): Promise<string> {
  const { token } = await (await open()).issue(ALICE, SCOPES);
  const { alg = 'ES256', payload, header } = change;
  const head = { ...decodeProtectedHeader(token), ...header, alg };
  return new SignJWT({ ...decodeJwt(token), ...payload }).setProtectedHeader(head).sign(key);
}

describe('signed tokens', () => {
  it('say what the distribution specification wants', async () => {
    const { token, until } = await (await open()).issue(ALICE, SCOPES);
    const { kid } = await keys.signing();
    expect(decodeProtectedHeader(token)).toEqual({
      alg: 'ES256',
      typ: 'JWT',
      kid,
      x5c: [expect.any(String)],
    });
    const now = Math.floor(clock / 1000);
    expect(decodeJwt(token)).toEqual({
      iss: 'berth',
      aud: 'registry',
      sub: 'alice',
      iat: now,
      nbf: now,
      exp: now + 1800,
      jti: expect.any(String),
      access: [{ type: 'repository', name: 'team/app', actions: ['pull'] }],
      berth: { tie: expect.any(String) },
    });
    expect(until).toBe((now + 1800) * 1000);
  });

  it('stand for whom they were given to, and for what', async () => {
    const tokens = await open();
    const { token } = await tokens.issue(ALICE, SCOPES);
    for (let i = 0; i < 2; i++)
      expect(await tokens.read(token)).toMatchObject({ identity: { user: 'alice', scopes: SCOPES } });
    const nobody = await tokens.issue('anonymous', SCOPES);
    expect(await tokens.read(nobody.token)).toMatchObject({ identity: 'anonymous' });
    expect(decodeJwt(nobody.token)).toMatchObject({ sub: '', access: [{ actions: ['pull'] }] });
  });

  it('let list all repositories only who may see all, and asks for it', async () => {
    const catalog = [{ type: 'registry', name: 'catalog', actions: ['*'] }];
    for (const [seesAll, lists, access] of [
      [true, true, catalog],
      [true, false, []],
      [false, true, []],
    ] as const) {
      const tokens = await open({ seesAll: () => seesAll });
      expect(decodeJwt((await tokens.issue(ALICE, [], { lists })).token).access).toEqual(access);
    }
  });

  it('say when they ended, and end with the login at the latest', async () => {
    const tokens = await open();
    until = clock + 5000;
    const { token } = await tokens.issue(ALICE, SCOPES);
    until = undefined;
    const end = decodeJwt(token).exp ?? 0;
    expect(end).toBe(Math.floor((clock + 5000) / 1000));
    clock += 3_600_000;
    expect(await (await open()).read(token)).toMatchObject({ until: end * 1000 });
  });

  it('end with the password, and with the user', async () => {
    const tokens = await open();
    const { token } = await tokens.issue(ALICE, SCOPES);
    users.set('alice', 'changed');
    expect(await tokens.read(token)).toBeUndefined();
    users.delete('alice');
    expect(await tokens.read(token)).toBeUndefined();
    await expect(tokens.issue(ALICE, SCOPES)).rejects.toThrow(
      expect.objectContaining({ code: 'UNAUTHORIZED' }),
    );
    users.set('alice', 'hash');
    expect(await tokens.read(token)).toBeDefined();
  });

  it.each([
    { why: 'another service', options: { service: 'elsewhere' } },
    { why: 'another issuer', options: { issuer: 'elsewhere' } },
  ])('are not for $why', async ({ options }) => {
    const { token } = await (await open(options)).issue(ALICE, SCOPES);
    expect(await (await open()).read(token)).toBeUndefined();
  });

  it('are taken with a signature of ours only', async () => {
    const { privateKey: strange } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { key, publicKey } = await keys.signing();
    const tokens = await open();
    const read = async (token: Promise<string>) => tokens.read(await token);
    expect(await read(forged({}, key))).toBeDefined();
    expect(await read(forged({}, strange))).toBeUndefined();
    const jwk = publicKey.export({ format: 'jwk' });
    expect(await read(forged({ header: { kid: undefined, jwk } }, key))).toBeUndefined();
    expect(await read(forged({ header: { typ: 'at+jwt' } }, key))).toBeUndefined();
    expect(await read(forged({ payload: { nbf: 9e9 } }, key))).toBeUndefined();
    expect(await read(forged({ payload: { berth: {} } }, key))).toBeUndefined();
    expect(await read(forged({ payload: { sub: 'bob' } }, key))).toBeUndefined();
  });

  it('are not taken with a public key as a secret, or without any signature', async () => {
    const { publicKey } = await keys.signing();
    const tokens = await open();
    const pem = publicKey.export({ format: 'pem', type: 'spki' });
    const hmac = await forged({ alg: 'HS256' }, createSecretKey(Buffer.from(pem)));
    expect(await tokens.read(hmac)).toBeUndefined();
    const [, claims = ''] = hmac.split('.');
    const kid = (await keys.signing()).kid;
    for (const alg of ['none', 'HS256', 'ES256']) {
      const head = Buffer.from(JSON.stringify({ alg, typ: 'JWT', kid })).toString('base64url');
      const mac = createHmac('sha256', pem).update(`${head}.${claims}`).digest('base64url');
      for (const signature of ['', mac])
        expect(await tokens.read(`${head}.${claims}.${signature}`)).toBeUndefined();
    }
  });

  it.each(['', '.', '..', 'a.b.c', 'nonsense', '{}.{}.{}', 'é'])('are not %j', async (text) =>
    expect(await (await open()).read(text)).toBeUndefined(),
  );
});
