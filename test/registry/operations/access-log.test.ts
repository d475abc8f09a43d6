import { describe, expect, it } from 'vitest';
import { accessLog, type FinishedRequest, trustedProxies } from '../../../src/registry/operations/index.js';
import { finishedRequest, Lines } from './requests.js';

type AccessLogConfig = Parameters<typeof accessLog>[0];

function logged(changes: Partial<FinishedRequest>, config: Partial<AccessLogConfig> = {}): string {
  const output = new Lines();
  const write = accessLog(
    { accesslog: { disabled: false }, formatter: 'text', fields: {}, ...config },
    { output, trusted: trustedProxies(['10.0.0.0/8']) },
  );
  write(finishedRequest(changes));
  return output.lines.join('');
}

const COMBINED =
  /^(\S+) - (\S+) \[(.+?)\] "((?:[^"\\]|\\.)*)" (\d+) (\d+) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"\n$/;

describe('accessLog, combined', () => {
  it('writes one line for a request', () => {
    const [, address, user, time, request, status, bytes, referer, agent] =
      COMBINED.exec(logged({ user: 'alice' })) ?? [];
    expect({ address, user, request, status, bytes, referer, agent }).toEqual({
      address: '192.0.2.7',
      user: 'alice',
      request: 'GET /v2/team/app/manifests/v1 HTTP/1.1',
      status: '200',
      bytes: '1234',
      referer: '-',
      agent: 'docker/29.1.2 go/go1.25.5',
    });
    expect(time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$/);
  });
  it('tells when the request began', () => {
    const [, , , time = ''] = COMBINED.exec(logged({ durationMs: 3_600_000 })) ?? [];
    const [, day, month, year, clock, zone] = /^(\d+)\/(\w+)\/(\d+):(\S+) (\S+)$/.exec(time) ?? [];
    const beganAt = Date.parse(`${day} ${month} ${year} ${clock} GMT${zone}`);
    expect(Math.abs(Date.now() - 3_600_000 - beganAt)).toBeLessThan(5000);
  });
  it.each([
    { changes: { userAgent: 'x" 200 0 "-" "y' }, part: String.raw`"x\" 200 0 \"-\" \"y"` },
    { changes: { userAgent: 'a\nb\u001b\u009b\\' }, part: String.raw`"a\x0ab\x1b\x9b\\"` },
    { changes: { referer: 'http://ü/' }, part: String.raw`"http://\xfc/"` },
    { changes: { url: '/v2/a"b' }, part: String.raw`"GET /v2/a\"b HTTP/1.1"` },
    { changes: { user: 'al ice [x] -' }, part: String.raw` - al\x20ice\x20\x5bx\x5d\x20- [` },
    { changes: { method: 'G\tT' }, part: String.raw`"G\x09T ` },
    { changes: { remoteAddress: undefined }, part: '- - - [' },
  ])('escapes: $part', ({ changes, part }) => {
    const line = logged(changes);
    expect(line).toMatch(COMBINED);
    expect(line).toContain(part);
  });
  it('bounds what a client can make long', () =>
    expect(logged({ url: `/${'x'.repeat(100_000)}`, userAgent: 'y'.repeat(100_000) }).length).toBeLessThan(
      6000,
    ));
  it('is silent when disabled', () => expect(logged({}, { accesslog: { disabled: true } })).toBe(''));
});

describe('accessLog, secrets in URLs', () => {
  it.each([
    {
      url: '/v2/a/blobs/uploads/1?_state=abc&digest=sha256:1',
      shown: '/v2/a/blobs/uploads/1?digest=sha256:1',
    },
    { url: '/v2/a/blobs/uploads/1?_state=abc', shown: '/v2/a/blobs/uploads/1' },
    { url: '/v2/a/blobs/uploads/1?%5fstate=abc&n=1', shown: '/v2/a/blobs/uploads/1?n=1' },
    { url: '/x?X-Amz-Signature=s&X-Amz-Credential=c&n=1', shown: '/x?n=1' },
    { url: '/x?access_token=s&sig=1&Password=2&%zz=3', shown: '/x' },
    { url: '/v2/_catalog?n=5&last=token', shown: '/v2/_catalog?n=5&last=token' },
  ])('$shown', ({ url, shown }) => {
    expect(logged({ url })).toContain(`"GET ${shown} HTTP/1.1"`);
    expect(logged({ referer: `https://x.example${url}` })).toContain(`"https://x.example${shown}"`);
  });
});

describe('accessLog, JSON', () => {
  it('has the reference registry’s names', () => {
    const line = logged(
      { user: 'al"ice', referer: 'https://x.example/?token=1', userAgent: 'a\n\u009b' },
      { formatter: 'json', fields: { service: 'registry', apiToken: 'x' } },
    );
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(line).not.toMatch(/\u009b/);
    expect(JSON.parse(line)).toEqual({
      level: 'info',
      service: 'registry',
      apiToken: '[hidden]',
      msg: 'response completed',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      'http.request.id': '5c1e9d2e-6f0a-4a4e-9a51-0d0f5a3c9b11',
      'http.request.remoteaddr': '192.0.2.7',
      'auth.user.name': 'al"ice',
      'http.request.method': 'GET',
      'http.request.host': 'registry.example:5000',
      'http.request.uri': '/v2/team/app/manifests/v1',
      'http.request.referer': 'https://x.example/',
      'http.request.useragent': 'a\n\u009b',
      'http.response.status': 200,
      'http.response.written': 1234,
      'http.response.duration': '2.500ms',
    });
  });
  it('has the names of logstash', () =>
    expect(JSON.parse(logged({}, { formatter: 'logstash' }))).toMatchObject({
      '@timestamp': expect.stringMatching(/^\d{4}-.*Z$/),
      '@version': '1',
      message: 'response completed',
    }));
});

describe('accessLog, behind proxies', () => {
  it.each([
    {
      remoteAddress: '192.0.2.7',
      forwardedFor: '198.51.100.1',
      shown: '192.0.2.7',
      why: 'a stranger says so',
    },
    {
      remoteAddress: '10.1.2.3',
      forwardedFor: '198.51.100.1',
      shown: '198.51.100.1',
      why: 'a proxy says so',
    },
    { remoteAddress: '::ffff:10.1.2.3', forwardedFor: '198.51.100.1', shown: '198.51.100.1', why: 'mapped' },
    {
      remoteAddress: '10.1.2.3',
      forwardedFor: '6.6.6.6, 198.51.100.1',
      shown: '198.51.100.1',
      why: 'nearest',
    },
    {
      remoteAddress: '10.1.2.3',
      forwardedFor: '198.51.100.1, 10.9.9.9',
      shown: '198.51.100.1',
      why: 'two proxies',
    },
    { remoteAddress: '10.1.2.3', forwardedFor: '10.9.9.9', shown: '10.9.9.9', why: 'proxies only' },
    { remoteAddress: '10.1.2.3', forwardedFor: 'x" y', shown: '10.1.2.3', why: 'no address' },
    {
      remoteAddress: '10.1.2.3',
      forwardedFor: '[2001:db8::1]:443',
      shown: '2001:db8::1',
      why: 'with a port',
    },
    {
      remoteAddress: '10.1.2.3',
      forwardedFor: '198.51.100.1:1234',
      shown: '198.51.100.1',
      why: 'with a port',
    },
    { remoteAddress: undefined, forwardedFor: '198.51.100.1', shown: '198.51.100.1', why: 'a unix socket' },
  ])('$shown: $why', ({ shown, ...changes }) => expect(logged(changes).split(' ')[0]).toBe(shown));
});

describe('trustedProxies', () => {
  const trusted = trustedProxies(['127.0.0.0/8', '::1', '2001:db8::/32']);
  it.each([
    ['127.0.0.1', true],
    ['::ffff:127.0.0.1', true],
    ['::1', true],
    ['2001:db8:1::2', true],
    ['192.0.2.1', false],
    ['2001:db9::1', false],
    ['not an address', false],
  ])('%s: %s', (address, expected) =>
    expect([trusted(address), trusted(address)]).toEqual([expected, expected]),
  );
  it('trusts nobody without networks', () => expect(trustedProxies([])('127.0.0.1')).toBe(false));
});
