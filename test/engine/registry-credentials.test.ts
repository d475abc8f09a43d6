import { describe, expect, it } from 'vitest';
import { EngineError } from '../../src/engine/errors.js';
import { allCredentialsFrom, credentialsFrom } from '../../src/engine/registry-credentials.js';

const header = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('X-Registry-Auth', () => {
  it.each([
    [{}, undefined],
    [
      { username: 'ann', password: 'a?b>c' },
      { user: 'ann', password: 'a?b>c' },
    ],
    [{ auth: Buffer.from('ann:x:y').toString('base64') }, { user: 'ann', password: 'x:y' }],
    [{ username: 'ann', identitytoken: 't' }, { identityToken: 't' }],
    [{ registrytoken: 't' }, { registryToken: 't' }],
  ])('of %j is %j', async (login, expected) =>
    expect(await credentialsFrom(header(login)).find('reg.example')).toEqual(expected),
  );

  it('need not be there', async () => expect(await credentialsFrom(undefined).find('r')).toBeUndefined());

  it('is refused when it is no JSON, without saying what it holds', () => {
    expect(() => credentialsFrom('c2VjcmV0')).toThrow(EngineError);
    expect(() => credentialsFrom('c2VjcmV0')).not.toThrow(/secret|c2Vj/);
  });
});

describe('X-Registry-Config', () => {
  it('has a login for each registry, and for no other', async () => {
    const source = allCredentialsFrom(
      header({
        'https://index.docker.io/v1/': { username: 'hub', password: '1' },
        'reg.example:5000': { username: 'own', password: '2' },
      }),
    );
    expect(await source.find('docker.io')).toEqual({ user: 'hub', password: '1' });
    expect(await source.find('reg.example:5000')).toEqual({ user: 'own', password: '2' });
    expect(await source.find('reg.example')).toBeUndefined();
  });
});
