import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDockerfile, printTree } from '../../../src/builder/dockerfile/index.js';

const folder = new URL('./golden/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.Dockerfile'));

/** Each Dockerfile has its tree beside it; `vitest -u` writes it anew. */
describe('whole files', () => {
  it('are there', () => expect(names.length).toBeGreaterThan(8));

  it.each(names)('%s', async (name) => {
    const tree = printTree(parseDockerfile(readFileSync(new URL(name, folder), 'utf8')));
    await expect(tree).toMatchFileSnapshot(new URL(name.replace(/\.Dockerfile$/, '.tree'), folder).pathname);
  });
});
