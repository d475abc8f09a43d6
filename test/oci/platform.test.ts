import { describe, expect, it } from 'vitest';
import { formatPlatform, matchesPlatform, parsePlatform } from '../../src/oci/index.js';

const HOST = { os: 'linux', architecture: 'amd64' };

describe('parsePlatform', () => {
  it.each([
    { input: 'linux/amd64', platform: 'linux/amd64' },
    { input: 'linux/x86_64', platform: 'linux/amd64' },
    { input: 'linux/aarch64', platform: 'linux/arm64' },
    { input: 'linux/arm64/v8', platform: 'linux/arm64' },
    { input: 'linux/armhf', platform: 'linux/arm/v7' },
    { input: 'linux/arm/v6', platform: 'linux/arm/v6' },
    { input: 'linux/arm/6', platform: 'linux/arm/v6' },
    { input: 'linux/arm', platform: 'linux/arm/v7' },
    { input: 'linux/arm64/8', platform: 'linux/arm64' },
    { input: 'linux/amd64/v1', platform: 'linux/amd64' },
    { input: 'linux/amd64/v3', platform: 'linux/amd64/v3' },
    { input: 'arm64', platform: 'linux/arm64' },
    { input: 'windows', platform: 'windows/amd64' },
  ])('reads $input as $platform', ({ input, platform }) =>
    expect(formatPlatform(parsePlatform(input, HOST))).toBe(platform),
  );

  it.each(['', 'a/b/c/d', 'linux/', 'linux/am d64'])('refuses %j', (input) =>
    expect(() => parsePlatform(input, HOST)).toThrow(RangeError),
  );
});

describe('matchesPlatform', () => {
  it('takes an unnamed variant for the usual one', () => {
    expect(
      matchesPlatform({ ...HOST, architecture: 'arm64', variant: 'v8' }, parsePlatform('linux/arm64')),
    ).toBe(true);
    expect(matchesPlatform({ ...HOST, architecture: 'arm' }, parsePlatform('linux/arm/v7'))).toBe(true);
    expect(
      matchesPlatform({ ...HOST, architecture: 'arm', variant: 'v6' }, parsePlatform('linux/arm/v7')),
    ).toBe(false);
    expect(matchesPlatform({ os: 'windows', architecture: 'amd64' }, HOST)).toBe(false);
  });
});
