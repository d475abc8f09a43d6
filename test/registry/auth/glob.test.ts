import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGlob } from '../../../src/registry/auth/glob.js';
import { cpuTimeOf } from '../../support/cpu-time.js';

describe('parseGlob', () => {
  it.each([
    { pattern: 'app', yes: ['app'], no: ['apps', 'app/a', 'a'] },
    { pattern: '*', yes: ['app', 'a-b.c'], no: ['team/app'] },
    { pattern: '**', yes: ['app', 'team/app', 'a/b/c/d'], no: [] },
    { pattern: 'team/*', yes: ['team/app'], no: ['team', 'team/a/b', 'steam/app'] },
    { pattern: 'team/**', yes: ['team/app', 'team/a/b'], no: ['team', 'teams/app'] },
    { pattern: 'team**', yes: ['team', 'teams', 'team/a/b'], no: ['a/team'] },
    { pattern: '**/app', yes: ['app', 'team/app', 'a/b/app'], no: ['team/myapp', 'app/a'] },
    { pattern: 'a/**/z', yes: ['a/z', 'a/b/z', 'a/b/c/z'], no: ['a/bz', 'az', 'a/b'] },
    { pattern: 'a/**/b/**/c', yes: ['a/b/c', 'a/x/b/y/z/c'], no: ['a/c', 'a/bc'] },
    { pattern: 'v?', yes: ['v1'], no: ['v', 'v12', 'v/1'] },
    { pattern: '*-cache', yes: ['app-cache', '-cache'], no: ['app-cache2', 'a/b-cache'] },
    { pattern: 'a*b*c', yes: ['abc', 'axbxc', 'abbcc'], no: ['acb', 'ab/c'] },
    { pattern: 'a.c', yes: ['a.c'], no: ['abc'] },
    { pattern: '***', yes: ['a/b'], no: [] },
  ])('$pattern', ({ pattern, yes, no }) => {
    const glob = parseGlob(pattern);
    for (const name of yes) expect(`${name}: ${glob.matches(name)}`).toBe(`${name}: true`);
    for (const name of no) expect(`${name}: ${glob.matches(name)}`).toBe(`${name}: false`);
  });

  it.each([
    { pattern: '', why: 'empty' },
    { pattern: 'Team/*', why: 'lower case' },
    { pattern: '/team', why: 'slash' },
    { pattern: 'team/', why: 'slash' },
    { pattern: 'team//app', why: 'slash' },
    { pattern: 'team/{a,b}', why: 'wildcards' },
    { pattern: 'team/app:v1', why: 'wildcards' },
    { pattern: 'a'.repeat(256), why: 'longer than 255' },
  ])('refuses $pattern: $why', ({ pattern, why }) => expect(() => parseGlob(pattern)).toThrow(why));

  const patterns = fc
    .array(fc.constantFrom('a', 'b', '/', '*', '**', '?', '**/'), { minLength: 1, maxLength: 8 })
    .map((tokens) => tokens.join(''))
    .filter((pattern) => !/^\/|\/$|\/\//.test(pattern));
  const names = fc
    .array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 4,
    })
    .map((components) => components.join('/'));

  it('agrees with the regular expression that says the same', () => {
    fc.assert(
      fc.property(patterns, names, (pattern, name) => {
        expect(parseGlob(pattern).matches(name)).toBe(regexpOf(pattern).test(name));
      }),
      { numRuns: 5000 },
    );
  });

  it('is quick for whatever pattern and name', () => {
    for (const wild of ['*a', '**a', '?*a', '**/a/', 'a*']) {
      const pattern = `${wild.repeat(255).slice(0, 254)}b`.replace(/^\//, 'a');
      const glob = parseGlob(pattern);
      const time = cpuTimeOf(() => {
        glob.matches('a'.repeat(255));
        glob.matches('a/'.repeat(127).concat('a'));
      });
      expect(time).toBeLessThan(500);
    }
  });
});

function regexpOf(pattern: string): RegExp {
  const source = pattern.replace(/(?<=^|\/)\*{2,}\/|\*{2,}|\*|\?/g, (token) => {
    if (token === '?') return '[^/]';
    if (token === '*') return '[^/]*';
    return token.endsWith('/') ? '(?:.*/)?' : '.*';
  });
  return new RegExp(`^${source}$`);
}
