import { describe, expect, it } from 'vitest';
import {
  BadPatternError,
  formatDuration,
  matchComponent,
  PortError,
  parseChmod,
  parseDuration,
  parsePorts,
} from '../../../src/builder/dockerfile/index.js';
import { cpuTimeOf } from '../../support/cpu-time.js';

describe('parseDuration', () => {
  it.each<[text: string, nanoseconds: number]>([
    ['0', 0],
    ['0s', 0],
    ['30s', 30e9],
    ['1m30s', 90e9],
    ['1h', 3600e9],
    ['1.5s', 1.5e9],
    ['.5s', 0.5e9],
    ['1.s', 1e9],
    ['100ms', 1e8],
    ['10us', 1e4],
    ['10µs', 1e4],
    ['7ns', 7],
    ['-2s', -2e9],
    ['+2s', 2e9],
  ])('reads %s', (text, nanoseconds) => expect(parseDuration(text)).toBe(nanoseconds));

  it.each(['', '1', '-', '1x', 's', '.s', '1 s', 's1', '1s1', '1e3s', '9999999h', '1d'])(
    'refuses %j',
    (text) => expect(() => parseDuration(text)).toThrow(RangeError),
  );
});

describe('formatDuration', () => {
  it.each<[nanoseconds: number, text: string]>([
    [0, '0s'],
    [1, '1ns'],
    [1500, '1.5µs'],
    [2e6, '2ms'],
    [30e9, '30s'],
    [1.5e9, '1.5s'],
    [90e9, '1m30s'],
    [3600e9, '1h0m0s'],
    [-30e9, '-30s'],
  ])('prints %d', (nanoseconds, text) => expect(formatDuration(nanoseconds)).toBe(text));
});

describe('parsePorts', () => {
  it.each<[words: string[], ports: string[]]>([
    [['80'], ['80/tcp']],
    [
      ['80/tcp', '53/udp', '9/sctp'],
      ['80/tcp', '53/udp', '9/sctp'],
    ],
    [['80/TCP'], ['80/tcp']],
    [['80/'], ['80/tcp']],
    [['8000-8002'], ['8000/tcp', '8001/tcp', '8002/tcp']],
    [['5-5/udp'], ['5/udp']],
    [['8080:80'], ['80/tcp']],
    [['127.0.0.1:8080:80/udp'], ['80/udp']],
    [['[::1]:8080:80'], ['80/tcp']],
    [['::1:8080:80'], ['80/tcp']],
    [[':80'], ['80/tcp']],
    [['8000-8001:80-81'], ['80/tcp', '81/tcp']],
    [['8000-8009:80'], ['80/tcp']],
    [['0'], ['0/tcp']],
    [['65535'], ['65535/tcp']],
    [[], []],
  ])('reads %j', (words, ports) => expect(parsePorts(words)).toEqual(ports));

  it.each([
    '',
    '/tcp',
    'x',
    '80/http',
    '65536',
    '-1',
    '90-80',
    '80-',
    '300.1.1.1:1:2',
    'a:1:2',
    '1-2:1-3',
    '80 81',
  ])('refuses %j', (word) => expect(() => parsePorts([word])).toThrow(PortError));
});

describe('parseChmod', () => {
  it.each<[text: string, mode: number, directory: boolean, result: number]>([
    ['644', 0o777, false, 0o644],
    ['0755', 0, false, 0o755],
    ['4755', 0, false, 0o4755],
    ['7777', 0, true, 0o7777],
    ['0', 0o777, false, 0],
    ['u=rwX,go=rX', 0o600, false, 0o644],
    ['u=rwX,go=rX', 0o700, false, 0o755],
    ['u=rwX,go=rX', 0o600, true, 0o755],
    ['+x', 0o644, false, 0o755],
    ['a+x', 0o644, false, 0o755],
    ['u+x', 0o644, false, 0o744],
    ['go-rwx', 0o777, false, 0o700],
    ['a=r', 0o777, false, 0o444],
    ['=', 0o777, false, 0],
    ['u=', 0o777, false, 0o077],
    ['g=u', 0o640, false, 0o660],
    ['o=g', 0o750, false, 0o755],
    ['u+s', 0o755, false, 0o4755],
    ['g+s', 0o755, false, 0o2755],
    ['+t', 0o755, true, 0o1755],
    ['u-s', 0o4755, false, 0o755],
    ['u+rw-x', 0o100, false, 0o600],
    ['u=rwx,g=rx,o=', 0, false, 0o750],
    ['+X', 0o644, false, 0o644],
    ['+X', 0o744, false, 0o755],
    ['u=rwx', 0o4000, false, 0o700],
    ['u=rwx', 0o4000, true, 0o4700],
  ])('%s of %o (directory: %s)', (text, mode, directory, result) =>
    expect(parseChmod(text)(mode, { directory })).toBe(result),
  );

  it.each(['', '8', '10000', '77777', 'u', 'x', '+w,', ',', 'u+q', 'u=rwx g=rx', 'z=r', '0x1'])(
    'refuses %j',
    (text) => expect(() => parseChmod(text)).toThrow(RangeError),
  );
});

describe('matchComponent', () => {
  it.each<[pattern: string, name: string, matches: boolean]>([
    ['abc', 'abc', true],
    ['*', 'abc', true],
    ['*', '', true],
    ['*c', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a[^a]b', 'a☺b', true],
    ['a???b', 'a☺b', false],
    ['[a-ζ]*', 'α', true],
    ['*[a-ζ]', 'A', false],
    ['a?b', 'a/b', false],
    ['a*b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[\\-]', '-', true],
    ['[x\\-]', 'x', true],
    ['[x\\-]', 'z', false],
    ['[\\-x]', '-', true],
    ['*x', 'xxx', true],
    ['', '', true],
    ['', 'a', false],
    ['a.c', 'abc', false],
    ['(a+)$', '(a+)$', true],
  ])('%s and %s: %s', (pattern, name, matches) => expect(matchComponent(pattern, name)).toBe(matches));

  it.each(['[', '[^', '[^bc', 'a[', '[]a]', '[-]', '[x-]', '[-x]', '[a-b-c]', '\\', 'a\\', '[\\', '*['])(
    'refuses %s',
    (pattern) => expect(() => matchComponent(pattern, 'a')).toThrow(BadPatternError),
  );

  it('takes no long time for many runs', () => {
    const time = cpuTimeOf(() => {
      expect(matchComponent(`${'*a'.repeat(100)}b`, 'a'.repeat(5000))).toBe(false);
    });
    expect(time).toBeLessThan(5000);
  });
});
