import { describe, expect, it } from 'vitest';
import { Proxies } from '../../src/proxy/index.js';

function find(env: NodeJS.ProcessEnv, url = 'https://reg.lan/v2/'): string | undefined {
  const found = new Proxies(env).find(new URL(url));
  return found && `${found.variable} ${found.url.href}`;
}

describe('a proxy', () => {
  it.each([
    { env: {}, is: undefined },
    { env: { HTTPS_PROXY: 'http://p.lan:3128' }, is: 'HTTPS_PROXY http://p.lan:3128/' },
    { env: { HTTPS_PROXY: 'p.lan:3128' }, is: 'HTTPS_PROXY http://p.lan:3128/' },
    { env: { HTTPS_PROXY: '10.0.0.1:3128' }, is: 'HTTPS_PROXY http://10.0.0.1:3128/' },
    { env: { https_proxy: 'https://u:p@p.lan' }, is: 'https_proxy https://u:p@p.lan/' },
    { env: { HTTPS_PROXY: '', ALL_PROXY: 'p.lan:1' }, is: 'ALL_PROXY http://p.lan:1/' },
    { env: { HTTPS_PROXY: 'a:1', https_proxy: 'b:1', ALL_PROXY: 'c:1' }, is: 'HTTPS_PROXY http://a:1/' },
    { env: { HTTP_PROXY: 'p.lan:1' }, is: undefined },
    { env: { HTTPS_PROXY: 'p.lan:1', ALL_PROXY: 'socks5://s:1080' }, is: 'HTTPS_PROXY http://p.lan:1/' },
  ])('of $env is $is', ({ env, is }) => expect(find(env)).toBe(is));

  it('for plain http is another one', () => {
    expect(find({ HTTP_PROXY: 'a:1', HTTPS_PROXY: 'b:1' }, 'http://reg.lan/')).toBe('HTTP_PROXY http://a:1/');
  });

  it.each([
    { env: { HTTPS_PROXY: 'socks4://s.lan:1080' }, says: 'HTTPS_PROXY=socks4://s.lan:1080 is no proxy' },
    { env: { all_proxy: 'socks5h://me:a/b@c@s.lan' }, says: 'all_proxy=socks5h://me:***@s.lan is no proxy' },
    { env: { HTTPS_PROXY: 'me:secret@p.lan:x' }, says: 'HTTPS_PROXY=me:***@p.lan:x is no proxy' },
  ])('cannot be that of $env', ({ env, says }) => expect(() => find(env)).toThrow(says));

  it('that cannot be used is no matter where none is asked', () => {
    expect(find({ HTTPS_PROXY: 'socks4://s.lan', NO_PROXY: 'reg.lan' })).toBeUndefined();
  });
});

describe('NO_PROXY', () => {
  it.each([
    { value: '*', url: 'https://reg.lan', direct: true },
    { value: 'reg.lan', url: 'https://reg.lan', direct: true },
    { value: 'REG.lan', url: 'https://reg.LAN.', direct: true },
    { value: 'lan', url: 'https://a.reg.lan', direct: true },
    { value: 'eg.lan', url: 'https://reg.lan', direct: false },
    { value: '.reg.lan', url: 'https://reg.lan', direct: false },
    { value: '.lan', url: 'https://reg.lan', direct: true },
    { value: '*.lan', url: 'https://reg.lan', direct: true },
    { value: 'a.com, reg.lan b.com', url: 'https://reg.lan', direct: true },
    { value: 'reg.lan:5000', url: 'https://reg.lan:5000', direct: true },
    { value: 'reg.lan:5000', url: 'https://reg.lan', direct: false },
    { value: 'reg.lan:443', url: 'https://reg.lan', direct: true },
    { value: '10.1.0.0/16', url: 'https://10.1.2.3:5000', direct: true },
    { value: '10.1.0.0/16', url: 'https://10.2.2.3:5000', direct: false },
    { value: 'fd00::/8', url: 'https://[fd00::1]:5000', direct: true },
    { value: '10.1.2.3', url: 'https://10.1.2.3:5000', direct: true },
    { value: '10.1.2.3:5000', url: 'https://10.1.2.3', direct: false },
    { value: '[fd00:0::1]:5000', url: 'https://[fd00::1]:5000', direct: true },
    { value: 'fd00::1', url: 'https://[fd00::1]:5000', direct: true },
    { value: '10.0.0.0/99', url: 'https://10.1.2.3', direct: false },
    { value: '', url: 'https://localhost:5000', direct: true },
    { value: '', url: 'https://127.1.2.3', direct: true },
    { value: '', url: 'https://[::1]:5000', direct: true },
  ])('$value: $url directly: $direct', ({ value, url, direct }) => {
    expect(find({ HTTPS_PROXY: 'p:1', NO_PROXY: value }, url) === undefined).toBe(direct);
  });
});
