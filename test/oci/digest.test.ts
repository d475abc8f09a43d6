import { describe, expect, it } from 'vitest';
import { hashAlgorithmOf, parseDigest, parseRepositoryName, parseTag } from '../../src/oci/index.js';

const HEX = 'a'.repeat(64);

describe('parseDigest', () => {
  it.each([
    `sha256:${HEX}`,
    `sha512:${HEX}${HEX}`,
    `blake3:${HEX}`,
    'multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8',
  ])('reads %s', (text) => expect(parseDigest(text)).toBe(text));
  it.each([
    { text: 'sha256:abc', why: 'too short' },
    { text: `sha256:${HEX.toUpperCase()}`, why: 'upper case' },
    { text: `sha512:${HEX}`, why: 'too short for its algorithm' },
    { text: `SHA256:${HEX}`, why: 'upper case in the algorithm' },
    { text: HEX, why: 'no algorithm' },
    { text: `sha256:${HEX}\n`, why: 'a line end' },
    { text: '', why: 'nothing' },
  ])('refuses $text: $why', ({ text }) =>
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: 'DIGEST_INVALID' })),
  );
  it('tells which algorithms can be verified', () => {
    expect(hashAlgorithmOf(parseDigest(`sha512:${HEX}${HEX}`))).toBe('sha512');
    expect(() => hashAlgorithmOf(parseDigest('md5:abc'))).toThrow(/cannot verify md5/);
  });
});

describe('parseRepositoryName', () => {
  it.each(['a', 'a/b', 'a/blobs/uploads', 'a.b_c__d--e/f0', 'x'.repeat(255)])('reads %s', (name) =>
    expect(parseRepositoryName(name)).toBe(name),
  );
  it.each(['', 'A', 'a/', '/a', 'a//b', 'a_', '_a', 'a___b', 'a..b', '../a', 'a b', 'ü', 'x'.repeat(256)])(
    'refuses %j',
    (name) =>
      expect(() => parseRepositoryName(name)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' })),
  );
  it('takes no time for a name made to be slow', () => {
    expect(() => parseRepositoryName(`${'a-'.repeat(127)}!`)).toThrow();
  });
});

describe('parseTag', () => {
  it.each(['latest', 'V1.0_rc-2', '_', 'x'.repeat(128)])('reads %s', (tag) =>
    expect(parseTag(tag)).toBe(tag),
  );
  it.each(['', '.a', '-a', 'a:b', 'a/b', 'a b', 'x'.repeat(129)])('refuses %j', (tag) =>
    expect(() => parseTag(tag)).toThrow(expect.objectContaining({ code: 'TAG_INVALID' })),
  );
});
