import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BearerAuthenticator } from '../../../src/registry/auth/bearer-authenticator.js';
import { keyNames } from '../../../src/registry/auth/trusted-keys.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';
import { makeSigner, makeToken, type Signer, type TokenClaims } from '../../support/token-issuer.js';

const RSA = ['-newkey', 'rsa:2048'];
const ED25519 = ['-newkey', 'ed25519'];
const REPOSITORY = { type: 'repository', name: 'team/app', actions: ['pull', 'push'] };

let folder: TemporaryFolder;
let root: Signer;
let middle: Signer;
let leaf: Signer;
let stranger: Signer;
let named: Signer;
let bearer: BearerAuthenticator;

beforeAll(async () => {
  folder = await temporaryFolder('bearer');
  root = await makeSigner(folder.path, 'root', { ca: true });
  middle = await makeSigner(folder.path, 'middle', { by: root, ca: true, newKey: RSA });
  leaf = await makeSigner(folder.path, 'leaf', { by: middle, newKey: ED25519 });
  stranger = await makeSigner(folder.path, 'stranger', { ca: true });
  named = await makeSigner(folder.path, 'named', { newKey: RSA });
  await writeKeySet(named, 'key-2026');
  bearer = await open();
});
afterAll(() => folder[Symbol.asyncDispose]());

function writeKeySet(signer: Signer, kid: string, name = 'jwks.json'): Promise<void> {
  return writeFile(join(folder.path, name), JSON.stringify({ keys: [{ ...publicJwk(signer), kid }] }));
}

function publicJwk({ key }: Signer) {
  return createPublicKey(key).export({ format: 'jwk' });
}

function open(options: object = {}): Promise<BearerAuthenticator> {
  return BearerAuthenticator.open({
    realm: 'https://auth.example/token',
    service: 'registry',
    issuer: 'issuer',
    algorithms: [],
    rootcertbundle: root.file,
    jwks: join(folder.path, 'jwks.json'),
    log: { info() {}, warn() {} },
    ...options,
  });
}

describe('a token of another server', () => {
  it.each<{ title: string; token: () => Promise<string> }>([
    {
      title: 'kid of libtrust',
      token: () => makeToken(root, { kid: keyNames(createPublicKey(root.key))[2] ?? '' }),
    },
    {
      title: 'kid of RFC 7638',
      token: async () => makeToken(root, { kid: await calculateJwkThumbprint(publicJwk(root) as never) }),
    },
    { title: 'kid of a key set', token: () => makeToken(named, { kid: 'key-2026' }) },
    { title: 'a chain of certificates', token: () => makeToken(leaf, { x5c: leaf.chain }) },
    { title: 'a chain without its root', token: () => makeToken(leaf, { x5c: leaf.chain.slice(0, 2) }) },
    { title: 'the root itself', token: () => makeToken(root, { x5c: root.chain }) },
    { title: 'a key that is known', token: () => makeToken(named, { jwk: publicJwk(named) as never }) },
    {
      title: 'a key with its chain',
      token: () => makeToken(leaf, { jwk: { ...publicJwk(leaf), x5c: leaf.chain } as never }),
    },
  ])('is taken with $title', async ({ token }) => {
    expect(await bearer.authenticate(`Bearer ${await token()}`)).toMatchObject({ proven: true });
  });

  it.each<{ title: string; token: () => Promise<string> | string }>([
    { title: 'an unknown kid', token: () => makeToken(stranger, { kid: 'key-2026' }) },
    { title: 'no kid where there are several keys', token: () => makeToken(named, {}) },
    { title: 'certificates of somebody else', token: () => makeToken(stranger, { x5c: stranger.chain }) },
    {
      title: 'a chain that is not one',
      token: () => makeToken(stranger, { x5c: [...stranger.chain, ...root.chain] }),
    },
    { title: 'a chain by who is no authority', token: strayChain },
    { title: 'a chain of more authorities than one allows', token: () => chainBelow(0) },
    { title: 'a key of its own', token: () => makeToken(stranger, { jwk: publicJwk(stranger) as never }) },
    { title: 'nonsense for certificates', token: () => makeToken(leaf, { x5c: ['AAAA'] }) },
    { title: 'the public key for a secret', token: secretFromPublicKey },
    { title: 'no signature', token: () => `${encoded({ alg: 'none', kid: 'key-2026' })}.${encoded({})}.` },
    { title: 'no form at all', token: () => 'nonsense' },
    { title: 'another service', token: () => signed({ aud: 'other' }) },
    { title: 'another issuer', token: () => signed({ iss: 'other' }) },
    { title: 'a time that is over', token: () => signed({ exp: -70 }) },
    { title: 'a number for its user', token: () => signed({ sub: 5 }) },
    { title: 'an object for its user', token: () => signed({ sub: { name: 'alice' } }) },
    { title: 'an object for its user, when it is over', token: () => signed({ sub: {}, exp: -70 }) },
    { title: 'a time to come', token: () => signed({ nbf: 70 }) },
  ])('is refused with $title', async ({ token }) => {
    await expect(bearer.authenticate(`Bearer ${await token()}`)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
  });

  it('is taken with a chain of as many authorities as each allows', async () => {
    expect(await bearer.authenticate(`Bearer ${await chainBelow(1)}`)).toMatchObject({ proven: true });
  });

  it.each<TokenClaims>([{ exp: -50 }, { nbf: 50 }, { aud: ['other', 'registry'] }])(
    'is taken with %j',
    async (claims) => {
      expect(await bearer.authenticate(`Bearer ${await signed(claims)}`)).toMatchObject({ proven: true });
    },
  );

  it('says who it is for, and what may be done with it', async () => {
    const access = [REPOSITORY, { type: 'registry', name: 'catalog', actions: ['*'] }, { type: 1 }, null];
    expect(
      await bearer.authenticate(`Bearer ${await signed({ sub: 'alice', access: access as object[] })}`),
    ).toEqual({
      identity: {
        user: 'alice',
        scopes: [{ repository: 'team/app', actions: ['pull', 'push'] }],
        lists: true,
      },
      proven: true,
    });
    const { identity } = await bearer.authenticate(`Bearer ${await signed({})}`);
    expect(identity).toEqual({ user: '', scopes: [], lists: false });
    expect(await bearer.authenticate(undefined)).toEqual({ identity: 'anonymous', proven: false });
  });

  it('may only use the algorithms of the configuration', async () => {
    const strict = await open({ algorithms: ['ES256'] });
    await expect(strict.authenticate(`Bearer ${await signed({})}`)).rejects.toThrow('not valid');
  });

  it('is taken as long as its key is there', async () => {
    let clock = 0;
    const warnings: object[] = [];
    const log = { info() {}, warn: (fields: object) => void warnings.push(fields) };
    await writeKeySet(named, 'key-2026', 'own.json');
    const jwks = join(folder.path, 'own.json');
    const own = await open({ now: () => clock, log, jwks });
    const header = `Bearer ${await makeToken(stranger, { kid: 'key-2027' })}`;
    const old = `Bearer ${await signed({})}`;
    await own.authenticate(old);
    await expect(own.authenticate(header)).rejects.toThrow('not valid');
    await writeKeySet(stranger, 'key-2027', 'own.json');
    clock += 1000;
    expect(await own.authenticate(header)).toMatchObject({ proven: true });
    await expect(own.authenticate(old)).rejects.toThrow('not valid');
    await writeFile(jwks, '{"keys":[{"kty":"RSA"}]}');
    clock += 1000;
    expect(await own.authenticate(header)).toMatchObject({ proven: true });
    expect(warnings).toEqual([expect.objectContaining({ path: jwks })]);
  });
});

it('asks for tokens where the configuration says, or at the address that the client used', async () => {
  const tokenUrl = 'https://reg.example:5000/auth/token';
  const scope = 'repository:a:pull';
  expect(bearer.challenge({ tokenUrl, scope, error: 'invalid_token' })).toBe(
    'Bearer realm="https://auth.example/token",service="registry",scope="repository:a:pull",error="invalid_token"',
  );
  const redirecting = await open({ redirectPath: '/auth/token/' });
  expect(redirecting.challenge({ tokenUrl })).toContain('realm="https://reg.example:5000/auth/token/"');
});

it.each(['rootcertbundle', 'jwks'])('names the file of %s that cannot be used', async (key) => {
  await expect(open({ [key]: '/nowhere' })).rejects.toThrow(
    `auth.token.${key}: cannot use /nowhere: there is no such`,
  );
  await expect(open({ [key]: '/dev/null' })).rejects.toThrow(`auth.token.${key}: cannot use /dev/null: it `);
});

function signed(claims: TokenClaims): Promise<string> {
  return makeToken(named, { kid: 'key-2026' }, claims);
}

/** Of an authority, one below it, and what that vouches for. */
async function chainBelow(pathLength: number): Promise<string> {
  const upper = await makeSigner(folder.path, `upper${pathLength}`, { by: root, ca: true, pathLength });
  const lower = await makeSigner(folder.path, `lower${pathLength}`, { by: upper, ca: true });
  const last = await makeSigner(folder.path, `last${pathLength}`, { by: lower });
  return makeToken(last, { x5c: last.chain });
}

async function strayChain(): Promise<string> {
  const below = await makeSigner(folder.path, 'below', { by: leaf });
  return makeToken(below, { x5c: below.chain });
}

function secretFromPublicKey(): Promise<string> {
  const secret = createPublicKey(named.key).export({ format: 'pem', type: 'spki' });
  const claims = { iss: 'issuer', aud: 'registry', exp: Math.floor(Date.now() / 1000) + 300 };
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'key-2026' }).sign(Buffer.from(secret));
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

it('names keys as RFC 7638 does', async () => {
  for (const { publicKey } of [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ed25519'),
  ])
    expect(keyNames(publicKey)[0]).toBe(
      await calculateJwkThumbprint(publicKey.export({ format: 'jwk' }) as never),
    );
});
