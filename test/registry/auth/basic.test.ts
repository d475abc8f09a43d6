import { describe, expect, it } from 'vitest';
import { basicChallenge, parseBasic } from '../../../src/registry/auth/basic.js';

const encode = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('parseBasic', () => {
  it.each([
    { header: encode('alice:secret'), user: 'alice', password: 'secret' },
    { header: encode('alice:a:b:c'), user: 'alice', password: 'a:b:c' },
    { header: encode('alice:'), user: 'alice', password: '' },
    { header: encode('älice:pä'), user: 'älice', password: 'pä' },
    { header: encode('alice:secret').replace('Basic', 'bAsIc'), user: 'alice', password: 'secret' },
    { header: encode('alice:secret').replaceAll('=', ''), user: 'alice', password: 'secret' },
  ])('reads $header', ({ header, user, password }) => {
    expect(parseBasic(header)).toEqual({ user, password: Buffer.from(password) });
  });

  it.each([{ header: undefined }, { header: 'Basic Og==' }])('takes $header for nobody', ({ header }) => {
    expect(parseBasic(header)).toBeUndefined();
  });

  it.each([
    { header: '' },
    { header: 'Basic' },
    { header: 'Basic ' },
    { header: 'Basic !!!' },
    { header: encode('alice') },
    { header: 'Bearer abc' },
    { header: 'Basic YTpi Og==' },
  ])('refuses $header', ({ header }) => {
    expect(() => parseBasic(header)).toThrow(expect.objectContaining({ code: 'UNAUTHORIZED' }));
  });
});

describe('basicChallenge', () => {
  it.each([
    { realm: 'Team registry', challenge: 'Basic realm="Team registry"' },
    { realm: 'a "b" \\c', challenge: 'Basic realm="a \\"b\\" \\\\c"' },
    { realm: 'a\r\nX-Evil: 1', challenge: 'Basic realm="a  X-Evil: 1"' },
  ])('writes $challenge', ({ realm, challenge }) => expect(basicChallenge(realm)).toBe(challenge));
});
