import { describe, expect, it } from 'vitest';
import { OutputTail } from '../../src/builder/steps/output-tail.js';

/** What is shown of text that comes in pieces of so many bytes. */
function shown(secrets: readonly string[], text: string, size = 7): string {
  const tail = new OutputTail(secrets.map((secret) => Buffer.from(secret)));
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size)
    parts.push(...tail.add('stdout', bytes.subarray(at, at + size)));
  parts.push(...tail.end('stdout'));
  return Buffer.concat(parts).toString();
}

describe('secrets in output', () => {
  const KEY = '-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA7\r\nq8Zk2+Q/x0\n-----END KEY-----\n';

  it.each([1, 7, 64, 100_000])('of several lines are masked however they come: %d bytes at once', (size) => {
    expect(shown([KEY], `before\n${KEY}after\n`, size)).toBe('before\n****\n****\r\n****\n****\nafter\n');
    expect(shown([KEY], 'found q8Zk2+Q/x0 here\n', size)).toBe('found **** here\n');
  });

  it.each([1000, 4096, 40_000])('are masked in a line without end, in pieces of %d bytes', (size) => {
    const line = `${'x'.repeat(16_380)}my-secret-value${'y'.repeat(16_390)}my-secret-value${'z'.repeat(40_000)}my-`;
    expect(shown(['my-secret-value'], line, size)).toBe(line.replaceAll('my-secret-value', '****'));
  });

  it('may hold each other', () => {
    expect(shown(['abcd', 'abcdefgh'], 'abcdefgh abcd abc\n')).toBe('**** **** abc\n');
  });
});
