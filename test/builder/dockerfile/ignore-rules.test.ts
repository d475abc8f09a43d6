import { describe, expect, it } from 'vitest';
import { IgnoreRules, IgnoreRulesError } from '../../../src/builder/dockerfile/index.js';
import { cpuTimeOf } from '../../support/cpu-time.js';

describe('IgnoreRules', () => {
  it.each<[pattern: string, path: string, ignored: boolean]>([
    // texts
    ['a', 'a', true],
    ['a', 'b', false],
    ['a', 'a/b/c', true],
    ['a', 'b/a', false],
    ['a/b', 'a/b', true],
    ['a/b', 'a', false],
    ['/a', 'a', true],
    ['./a', 'a', true],
    ['a/', 'a', true],
    ['a/', 'a/b', true],
    ['a//b/../c', 'a/c', true],
    ['../a', 'a', false],
    ['.', 'a', false],
    ['/', 'a', false],
    ['A', 'a', false],
    ['a.b', 'axb', false],
    ['a(b)+$^|{c}', 'a(b)+$^|{c}', true],
    // one star
    ['*', 'a', true],
    ['*', 'a/b', true],
    ['*.md', 'x.md', true],
    ['*.md', 'x.mdx', false],
    ['*.md', 'a/x.md', false],
    ['*/x', 'a/x', true],
    ['*/x', 'x', false],
    ['*/x', 'a/b/x', false],
    ['*/*/x', 'a/b/x', true],
    ['a*', 'abc', true],
    ['a*', 'abc/d', true],
    ['a*c', 'abc', true],
    ['a*c', 'a/c', false],
    ['a*/b', 'ac/b', true],
    ['.*', '.git', true],
    ['*', '.git', true],
    // two stars
    ['**', 'a', true],
    ['**', 'a/b/c', true],
    ['**/', 'a', true],
    ['**/x', 'x', true],
    ['**/x', 'a/x', true],
    ['**/x', 'a/b/x', true],
    ['**/x', 'a/b/xx', false],
    ['**/x', 'a/x/b', true],
    ['**/*.md', 'x.md', true],
    ['**/*.md', 'a/b/x.md', true],
    ['**/*.md', 'a/b/x.mdx', false],
    ['**.md', 'x.md', true],
    ['**.md', 'a/x.md', true],
    ['a/**', 'a', false],
    ['a/**', 'a/b', true],
    ['a/**', 'a/b/c', true],
    ['a**', 'abc', true],
    ['a**', 'a/b', true],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a/**/b', 'ab', false],
    ['a/**/*.x', 'a/b/c.x', true],
    ['**/a/**', 'a/b', true],
    ['**/a/**', 'x/a/b', true],
    ['**/a/b', 'x/y/a/b', true],
    ['**/*', 'a', true],
    ['a/**/**/b', 'a/b', true],
    ['**/a*/**/b?', 'x/ab/c/d/b1', true],
    // one character
    ['?', 'a', true],
    ['?', 'ab', false],
    ['?', 'é', true],
    ['?', '😀', true],
    ['a?c', 'a/c', false],
    ['a.?', 'a.b', true],
    // classes
    ['[a-c]', 'b', true],
    ['[a-c]', 'd', false],
    ['[^a-c]', 'd', true],
    ['[^a-c]', 'b', false],
    ['x[^a]y', 'x/y', false],
    ['[a-c]*.md', 'bcd.md', true],
    ['[\\]]', ']', true],
    ['[.]', '.', true],
    ['[z-a]', 'b', false],
    ['f[oO]o', 'fOo', true],
    // escapes
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\?', 'a?', true],
    ['a\\b', 'ab', true],
    ['\\!a', '!a', true],
    ['\\#a', '#a', true],
    ['a b', 'a b', true],
  ])('%s and %s: %s', (pattern, path, ignored) =>
    expect(IgnoreRules.parse(pattern).ignores(path)).toBe(ignored),
  );

  it.each<[rules: string, path: string, ignored: boolean]>([
    ['*\n!a', 'a', false],
    ['*\n!a', 'a/b', false],
    ['*\n!a', 'b', true],
    ['!a\n*', 'a', true],
    ['a\n!a/b', 'a', true],
    ['a\n!a/b', 'a/b', false],
    ['a\n!a/b', 'a/b/c', false],
    ['a\n!a/b\na/b/c', 'a/b/c', true],
    ['a\n!a/b\na/b/c', 'a/b/d', false],
    ['**/*.md\n!README.md', 'README.md', false],
    ['**/*.md\n!README.md', 'a/README.md', true],
    ['*.md\n!**/R*.md\nR-secret.md', 'R-secret.md', true],
    ['a\n!a/*.x', 'a/b.x', false],
    ['a/*\n!a/b/', 'a/b/c', false],
    ['**\n!src/**\n**/*.log', 'src/a.log', true],
    ['**\n!src/**\n**/*.log', 'src/a.ts', false],
  ])('the last one that hits counts: %j, %s: %s', (rules, path, ignored) =>
    expect(IgnoreRules.parse(rules).ignores(path)).toBe(ignored),
  );

  it.each<[text: string, path: string, ignored: boolean]>([
    ['# a\na', 'a', true],
    ['#a', '#a', false],
    [' #a', '#a', true],
    ['\uFEFFa', 'a', true],
    ['\uFEFF# a', 'a', false],
    ['  a  \r\n\r\n', 'a', true],
    ['! a\na', 'a', true],
    ['a\n! a ', 'a', false],
    ['', 'a', false],
  ])('reads lines: %j, %s: %s', (text, path, ignored) =>
    expect(IgnoreRules.parse(text).ignores(path)).toBe(ignored),
  );

  it.each(['!', ' ! ', 'a\n!', '[', '[a', 'a\\', '[]a]', '[-]'])('refuses %j', (text) =>
    expect(() => IgnoreRules.parse(text)).toThrow(IgnoreRulesError),
  );

  it('says where', () =>
    expect(() => IgnoreRules.parse('# a\nb\n[\n', 'app/.dockerignore')).toThrow(
      'app/.dockerignore:3: bad pattern "["',
    ));

  it.each<[rules: string, directory: string, may: boolean]>([
    ['a', 'a', false],
    ['a\n!a/b', 'a', true],
    ['a\n!a/b', 'a/b', true],
    ['a\n!a/b', 'a/c', false],
    ['a\n!b', 'a', false],
    ['*\n!*/x', 'a', true],
    ['*\n!a*/x', 'b', false],
    ['*\n!**/x', 'a/b/c', true],
    ['*\n!src', 'src', true],
    ['*\n!src', 'src/lib', true],
    ['*\n!src/**/*.ts', 'src/a/b', true],
    ['*\n!src/**/*.ts', 'lib', false],
    ['*\n!\\/*', 'a', false],
    ['*\n!a\\/b', 'a', true],
    ['*\n!a**b', 'a', true],
    ['*\n!a**b', 'c', false],
  ])('knows where to look: %j, %s: %s', (rules, directory, may) =>
    expect(IgnoreRules.parse(rules).mayContainKept(directory)).toBe(may),
  );

  it('can be asked for patterns of --exclude', () => {
    const rules = IgnoreRules.of(['*.txt', '!a.txt']);
    expect([rules.ignores('b.txt'), rules.ignores('a.txt'), rules.isEmpty]).toEqual([true, false, false]);
    expect(IgnoreRules.of([]).isEmpty).toBe(true);
  });

  it('is quick for many paths', () => {
    const rules = IgnoreRules.parse(
      '.git\nnode_modules\n**/*.log\n*.md\n!README.md\ndist/**\n**/.DS_Store\nt[ae]st*/**/f?.txt',
    );
    const paths = Array.from(
      { length: 100_000 },
      (_, index) => `src/d${index % 300}/e${index % 7}/file-${index}.ts`,
    );
    const time = cpuTimeOf(() => {
      expect(paths.filter((path) => rules.ignores(path))).toEqual([]);
    });
    expect(time).toBeLessThan(1500);
  });

  it('takes no long time for many runs', () => {
    const rules = IgnoreRules.parse(`${'*a'.repeat(60)}b\n${'**/a'.repeat(30)}/b`);
    const time = cpuTimeOf(() => {
      expect(rules.ignores(`${'a'.repeat(250)}/`.repeat(10) + 'a'.repeat(250))).toBe(false);
      expect(rules.ignores(`${'a/'.repeat(500)}a`)).toBe(false);
    });
    expect(time).toBeLessThan(5000);
  });
});
