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

  it('takes nothing for a member that is not there, as Go programs write it', () => {
    const config = { Env: null, Cmd: null, Labels: null, Healthcheck: null, OnBuild: null };
    const input = { created: null, architecture: 'amd64', os: 'linux', config, history: null };
    expect(parseImageConfig(bytes(input))).toMatchObject({ config });
    expect(parseImageConfig(bytes({ config: null })).os).toBe('linux');
  });

  it.each([
    { what: 'no JSON', input: Buffer.from('{') },
    { what: 'no object', input: bytes(null) },
    { what: 'a list', input: bytes([]) },
    { what: 'a history that is no list', input: bytes({ history: {} }) },
    { what: 'an entry of the history that is nothing', input: bytes({ history: [null] }) },
    { what: 'a command in the history that is no text', input: bytes({ history: [{ created_by: 5 }] }) },
    { what: 'a time that is a number', input: bytes({ created: 5 }) },
    { what: 'a configuration that is text', input: bytes({ config: 'x' }) },
    { what: 'variables that are text', input: bytes({ config: { Env: 'PATH=/' } }) },
    { what: 'variables that are numbers', input: bytes({ config: { Env: [1] } }) },
    { what: 'a user that is an object', input: bytes({ config: { User: {} } }) },
    { what: 'labels that are numbers', input: bytes({ config: { Labels: { a: 1 } } }) },
    { what: 'volumes that are a list', input: bytes({ config: { Volumes: ['/a'] } }) },
    { what: 'a test of health that is text', input: bytes({ config: { Healthcheck: { Test: 'x' } } }) },
    { what: 'a diffID that is no digest', input: bytes({ rootfs: { diff_ids: ['x'] } }) },
  ])('refuses $what', ({ input }) =>
    expect(() => parseImageConfig(input)).toThrow(expect.objectContaining({ name: 'OciError' })),
  );
});
