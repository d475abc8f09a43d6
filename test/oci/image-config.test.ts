import { describe, expect, it } from 'vitest';
import { chainIDs, type Digest, parseImageConfig } from '../../src/oci/index.js';

const A = `sha256:${'a'.repeat(64)}` as Digest;
const B = `sha256:${'b'.repeat(64)}` as Digest;
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('chainIDs', () => {
  it('names a stack of one layer by that layer, and none by nothing', () => {
    expect(chainIDs([])).toEqual([]);
    expect(chainIDs([A])).toEqual([A]);
  });

  it('hashes each name with the next layer', () => {
    expect(chainIDs([A, B])).toEqual([
      A,
      'sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c',
    ]);
  });
});

describe('parseImageConfig', () => {
  it('keeps what it does not know', () => {
    const config = {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [A] },
      extra: { a: 1 },
    };
    expect(parseImageConfig(bytes(config))).toEqual(config);
  });

  it.each([
    { what: 'no JSON', input: Buffer.from('{') },
    { what: 'no object', input: bytes(null) },
    { what: 'a diffID that is no digest', input: bytes({ rootfs: { diff_ids: ['x'] } }) },
  ])('refuses $what', ({ input }) =>
    expect(() => parseImageConfig(input)).toThrow(expect.objectContaining({ name: 'OciError' })),
  );
});
