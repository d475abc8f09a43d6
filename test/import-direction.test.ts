import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

/** docs/architecture.md: a folder imports only from folders further down, never from those beside it. */
const LEVELS: readonly (readonly string[])[] = [
  ['memory', 'oci'],
  ['linux', 'locks', 'proxy', 'spelling', 'sqlite', 'storage'],
  ['content', 'layer', 'index'],
  ['registry', 'client', 'image', 'sbom'],
  ['builder', 'runtime'],
  ['engine'],
  ['cli'],
];

const root = new URL('../src', import.meta.url).pathname;
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const imports = files.flatMap((file) =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'/g)].map(
    ([, target = '']) => ({ file, target: normalize(join(dirname(file), target)) }),
  ),
);

describe('imports', () => {
  it('are found', () => expect(imports.length).toBeGreaterThan(100));

  it('point down the list of folders', () => {
    const wrong = imports.filter(({ file, target }) => {
      const [from, to] = [folderOf(file), folderOf(target)];
      return from !== to && !target.startsWith('..') && levelOf(to) >= levelOf(from);
    });
    expect(wrong).toEqual([]);
  });

  it('enter another folder by its face only', () => {
    const wrong = imports.filter(
      ({ file, target }) =>
        folderOf(file) !== folderOf(target) && !target.startsWith('..') && !target.endsWith(`${sep}index.js`),
    );
    expect(wrong.filter(({ file }) => folderOf(file) !== 'cli')).toEqual([]);
  });

  it('never enter a face from within its folder', () => {
    const wrong = imports.filter(
      ({ file, target }) => dirname(file) === dirname(target) && target.endsWith(`${sep}index.js`),
    );
    expect(wrong).toEqual([]);
  });
});

function folderOf(path: string): string {
  return path.split(sep)[0] ?? '';
}

function levelOf(folder: string): number {
  const level = LEVELS.findIndex((folders) => folders.includes(folder));
  if (level < 0) throw new Error(`src/${folder} has no place in the list of folders`);
  return level;
}
