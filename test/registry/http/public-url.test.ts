import { describe, expect, it } from 'vitest';
import { publicUrl } from '../../../src/registry/http/public-url.js';

const PROXY = '10.0.0.1';
const proxy = { address: PROXY, encrypted: false };
const plain = { address: '192.0.2.7', encrypted: false };
const secure = { address: '192.0.2.7', encrypted: true };
const trusted = (address: string | undefined) => address === PROXY;
const urlOf = publicUrl({ trusted });

describe('publicUrl', () => {
  it.each([
    { peer: plain, headers: { host: 'reg.example' }, url: 'http://reg.example' },
    { peer: secure, headers: { host: 'reg.example:5000' }, url: 'https://reg.example:5000' },
    { peer: plain, headers: { host: '127.0.0.1:5000' }, url: 'http://127.0.0.1:5000' },
    { peer: plain, headers: { host: '[2001:db8::1]:5000' }, url: 'http://[2001:db8::1]:5000' },
    { peer: plain, headers: { host: 'my_registry.local' }, url: 'http://my_registry.local' },
    { peer: secure, headers: { ':authority': 'h2.example', host: 'old' }, url: 'https://h2.example' },
  ])('takes $url from the request itself', ({ peer, headers, url }) =>
    expect(urlOf(peer, headers)).toBe(url),
  );

  it.each([
    { headers: { 'x-forwarded-proto': 'https' }, url: 'https://inner:5000' },
    { headers: { 'x-forwarded-proto': 'https, http' }, url: 'https://inner:5000' },
    { headers: { 'x-forwarded-host': 'outer.example, middle' }, url: 'http://outer.example' },
    {
      headers: { 'x-forwarded-proto': 'HTTPS', 'x-forwarded-host': 'outer.example:8443' },
      url: 'https://outer.example:8443',
    },
    { headers: { forwarded: 'for=192.0.2.1;proto=https;host=outer.example' }, url: 'https://outer.example' },
    {
      headers: { forwarded: 'For="[2001:db8::1]:47"; Host="[2001:db8::2]:443"; Proto="https", for=10.0.0.9' },
      url: 'https://[2001:db8::2]:443',
    },
    {
      headers: { forwarded: 'proto=https', 'x-forwarded-host': 'outer.example', 'x-forwarded-proto': 'http' },
      url: 'https://outer.example',
    },
    { headers: { forwarded: 'for=192.0.2.1' }, url: 'http://inner:5000' },
    { headers: { forwarded: ';=;host=;proto=ftp' }, url: 'http://inner:5000' },
    { headers: { 'x-forwarded-proto': 'gopher', 'x-forwarded-host': 'a"b' }, url: 'http://inner:5000' },
  ])('believes a trusted proxy: $headers', ({ headers, url }) => {
    expect(urlOf(proxy, { host: 'inner:5000', ...headers })).toBe(url);
    expect(urlOf(plain, { host: 'inner:5000', ...headers })).toBe('http://inner:5000');
  });

  it.each([
    'a"b',
    'a;b',
    'a b',
    'user@evil.example',
    'a/b',
    'a?b',
    'a\\b',
    'a:b',
    'a:99999',
    'a\r\nX-Evil: 1',
    '[::1',
    '[zz]',
    '-',
    '',
    'é.example',
  ])('repeats no malformed host: %j', (host) => {
    expect(urlOf(plain, { host })).toBeUndefined();
    expect(urlOf(proxy, { host: 'inner', 'x-forwarded-host': host })).toBe('http://inner');
  });

  it('does without a host when there is none', () => expect(urlOf(plain, {})).toBeUndefined());

  it.each([
    { host: 'https://reg.example', url: 'https://reg.example' },
    { host: 'https://reg.example:5000/', url: 'https://reg.example:5000' },
    { host: 'http://reg.example/team/', url: 'http://reg.example/team' },
    { host: 'http://reg.example/a"b?c', url: 'http://reg.example/a%22b' },
  ])('believes the configuration before all else: $host', ({ host, url }) => {
    const headers = { host: 'inner', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'outer' };
    expect(publicUrl({ host, trusted })(proxy, headers)).toBe(url);
  });
});
