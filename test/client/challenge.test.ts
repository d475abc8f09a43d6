import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../src/client/auth/challenge.js';
import { coversScopes, formatScope, mergeScopes, parseScopes } from '../../src/client/auth/scope.js';
import { parseRetryAfter } from '../../src/client/http/retry-policy.js';
import { fallbackTag } from '../../src/client/referrers.js';
import { originsOf } from '../../src/client/registry-address.js';
import { parseDigest } from '../../src/oci/index.js';

describe('parseChallenges', () => {
  it.each([
    { headers: ['Basic realm="x"'], challenges: [{ scheme: 'basic', parameters: { realm: 'x' } }] },
    { headers: ['Negotiate'], challenges: [{ scheme: 'negotiate', parameters: {} }] },
    {
      headers: ['Bearer realm="https://a.example/t?x=1",service="reg",scope="repository:a/b:pull,push"'],
      challenges: [
        {
          scheme: 'bearer',
          parameters: { realm: 'https://a.example/t?x=1', service: 'reg', scope: 'repository:a/b:pull,push' },
        },
      ],
    },
    {
      headers: ['Basic realm="a, \\"b\\"" , charset=UTF-8, Bearer Realm = "c"', 'Digest'],
      challenges: [
        { scheme: 'basic', parameters: { realm: 'a, "b"', charset: 'UTF-8' } },
        { scheme: 'bearer', parameters: { realm: 'c' } },
        { scheme: 'digest', parameters: {} },
      ],
    },
    { headers: ['Basic realm="unclosed'], challenges: [{ scheme: 'basic', parameters: { realm: '' } }] },
    { headers: ['', ',,,', '"'], challenges: [] },
  ])('reads $headers', ({ headers, challenges }) => expect(parseChallenges(headers)).toEqual(challenges));
});

describe('scopes', () => {
  const merged = (text: string) => mergeScopes(parseScopes(text)).map(formatScope);

  it.each([
    { text: 'repository:a:push repository:a:pull', scopes: ['repository:a:pull,push'] },
    { text: 'repository:b:pull repository:a:pull,pull', scopes: ['repository:a:pull', 'repository:b:pull'] },
    { text: 'repository:host:5000/a:pull', scopes: ['repository:host:5000/a:pull'] },
    { text: 'registry:catalog:*', scopes: ['registry:catalog:*'] },
    { text: 'nonsense', scopes: [] },
  ])('of $text are $scopes', ({ text, scopes }) => expect(merged(text)).toEqual(scopes));

  it('cover smaller ones', () => {
    const granted = parseScopes('repository:a:pull,push repository:b:pull');
    expect(coversScopes(granted, parseScopes('repository:a:pull'))).toBe(true);
    expect(coversScopes(granted, [])).toBe(true);
    expect(coversScopes(granted, parseScopes('repository:b:push'))).toBe(false);
    expect(coversScopes(granted, parseScopes('repository:c:pull'))).toBe(false);
  });
});

describe('originsOf', () => {
  const origins = (registry: string, options = {}) =>
    originsOf(registry, { plainHttp: false, insecure: false, ...options }).map(({ origin }) => origin);

  it.each([
    { registry: 'docker.io', origin: ['https://registry-1.docker.io'] },
    { registry: 'reg.example:5000', origin: ['https://reg.example:5000'] },
    { registry: 'localhost:5000', origin: ['https://localhost:5000', 'http://localhost:5000'] },
    { registry: '127.9.9.9', origin: ['https://127.9.9.9', 'http://127.9.9.9'] },
    { registry: '[::1]:5000', origin: ['https://[::1]:5000', 'http://[::1]:5000'] },
    { registry: 'localhost.example', origin: ['https://localhost.example'] },
    { registry: '128.0.0.1', origin: ['https://128.0.0.1'] },
  ])('of $registry are $origin', ({ registry, origin }) => expect(origins(registry)).toEqual(origin));

  it('depend on what is allowed', () => {
    expect(origins('reg.example', { insecure: true })).toEqual(['https://reg.example', 'http://reg.example']);
    expect(origins('localhost', { plainHttp: true })).toEqual(['http://localhost']);
  });
});

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    { text: undefined, ms: 0 },
    { text: '7', ms: 7000 },
    { text: 'Thu, 01 Jan 2026 00:00:05 GMT', ms: 5000 },
    { text: 'Thu, 01 Jan 2020 00:00:00 GMT', ms: 0 },
    { text: 'soon', ms: 0 },
  ])('reads $text', ({ text, ms }) => expect(parseRetryAfter(text, now)).toBe(ms));
});

describe('fallbackTag', () => {
  it('has at most 97 characters', () => {
    expect(fallbackTag(parseDigest(`sha512:${'a'.repeat(128)}`))).toBe(`sha512-${'a'.repeat(64)}`);
    expect(fallbackTag(parseDigest('x+y:A=_-'))).toBe('x-y-A-_-');
  });
});
