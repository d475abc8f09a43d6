import { describe, expect, it } from 'vitest';
import { parsePublished } from '../../src/cli/published-ports.js';

const at = (HostIp: string, HostPort: string) => ({ HostIp, HostPort });

describe('parsePublished', () => {
  it.each([
    { text: '80', bindings: { '80/tcp': [at('', '')] } },
    { text: '8080:80', bindings: { '80/tcp': [at('', '8080')] } },
    { text: '8080:80/udp', bindings: { '80/udp': [at('', '8080')] } },
    { text: '127.0.0.1:8080:80', bindings: { '80/tcp': [at('127.0.0.1', '8080')] } },
    { text: '127.0.0.1::80', bindings: { '80/tcp': [at('127.0.0.1', '')] } },
    { text: '[::1]:8080:80', bindings: { '80/tcp': [at('::1', '8080')] } },
    { text: '8000-8001:80-81', bindings: { '80/tcp': [at('', '8000')], '81/tcp': [at('', '8001')] } },
    { text: '8000-8009:80', bindings: { '80/tcp': [at('', '8000-8009')] } },
  ])('reads $text', ({ text, bindings }) => {
    expect(parsePublished([text], []).bindings).toEqual(bindings);
  });
  it.each(['', 'x', '0:80', '80:0', '70000', '8000-8002:80-81', '80/xyz', '9-8', '1.2.3:80:80:80'])(
    'refuses %j',
    (text) => expect(() => parsePublished([text], [])).toThrow('cannot publish'),
  );
  it.each([
    { text: '99999:80', why: 'port 99999 is out of range: ports are 1 to 65535' },
    { text: '80:123456', why: 'port 123456 is out of range: ports are 1 to 65535' },
    { text: '8000-70000:80', why: 'port 70000 is out of range: ports are 1 to 65535' },
    { text: '::1:8082:80', why: 'an IPv6 address needs brackets, as in [::1]:8080:80' },
    { text: 'fd00::1:8082:80/udp', why: 'an IPv6 address needs brackets, as in [::1]:8080:80' },
    { text: '1.2.3.4:5:6:7', why: 'write [[address:]port:]port[/protocol], as in 127.0.0.1:8080:80' },
  ])('says what is wrong with $text', ({ text, why }) =>
    expect(() => parsePublished([text], [])).toThrow(`cannot publish ${JSON.stringify(text)}: ${why}`),
  );
  it('exposes what is published, and ranges of what is not', () => {
    expect(Object.keys(parsePublished(['1:80'], ['90-91/udp']).exposed)).toEqual([
      '80/tcp',
      '90/udp',
      '91/udp',
    ]);
  });
});
