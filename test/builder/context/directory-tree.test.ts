import { createHash } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SourceEntry } from '../../../src/builder/context/source-tree.js';
import { DirectoryTree } from '../../../src/builder/index.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

function getEntry(tree: DirectoryTree, path: string): SourceEntry {
  const entry = tree.entry(path);
  if (entry === undefined) throw new Error(`there is no ${path}`);
  return entry;
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

describe('DirectoryTree', () => {
  it.each([0, 1, 65_535, 65_536, 2 ** 20 + 1])('gives the digest of a file of %i bytes', async (bytes) => {
    await using folder = await temporaryFolder();
    const content = Buffer.alloc(bytes, 'content');
    writeFileSync(join(folder.path, 'file'), content);
    const tree = new DirectoryTree(folder.path);
    expect(await tree.digest(getEntry(tree, 'file'))).toBe(sha256(content));
  });

  it('gives the digest of what is in a file that has grown since it was looked at', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    writeFileSync(path, 'one');
    const tree = new DirectoryTree(folder.path);
    const entry = getEntry(tree, 'file');
    appendFileSync(path, ' and two');
    expect(await tree.digest(entry)).toBe(sha256(Buffer.from('one and two')));
  });

  it('takes no memory for each small file, which V8 would collect all the time', async () => {
    await using folder = await temporaryFolder();
    const names = Array.from({ length: 24 }, (_, i) => `f${i}`);
    for (const name of names) writeFileSync(join(folder.path, name), name);
    const tree = new DirectoryTree(folder.path);
    const entries = names.map((name) => getEntry(tree, name));
    const before = process.memoryUsage().arrayBuffers;
    for (const entry of entries) await tree.digest(entry);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });
});
