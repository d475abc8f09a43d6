import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SourceEntry } from '../../../src/builder/context/source-tree.js';
import { DirectoryTree } from '../../../src/builder/index.js';
import { FileChangedError, LayerWriter } from '../../../src/layer/index.js';
import { fileEntry } from '../../layer/tree.js';
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

  it.each<[change: string, size: number, become: (path: string) => void, problem: string]>([
    ['is gone', 3, () => {}, 'it is gone'],
    ['is gone, and was large', 2 ** 21, () => {}, 'it is gone'],
    ['is a directory now', 3, (path) => mkdirSync(path), 'a directory took its place'],
    ['is a link now', 3, (path) => symlinkSync('x', path), 'a link took its place'],
    ['has another directory above it', 3, (path) => rmSync(dirname(path), { recursive: true }), 'it is gone'],
  ])('says that a file changed which %s', async (_, size, become, problem) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'd', 'file');
    mkdirSync(dirname(path));
    writeFileSync(path, Buffer.alloc(size));
    const tree = new DirectoryTree(folder.path);
    const entry = getEntry(tree, 'd/file');
    rmSync(path);
    become(path);
    const said = `${path} changed while it was read: ${problem}; try again when nothing writes to it`;
    await expect(tree.digest(entry)).rejects.toThrow(new FileChangedError(path, problem));
    using writer = LayerWriter.create(join(folder.path, 'layer.tar'));
    const write = async () => tree.addTo(writer, fileEntry('file', size), entry);
    await expect(write()).rejects.toThrow(said);
  });

  it('says that a directory changed which was listed after it had gone', async () => {
    await using folder = await temporaryFolder();
    mkdirSync(join(folder.path, 'd'));
    const tree = new DirectoryTree(folder.path);
    getEntry(tree, 'd');
    rmSync(join(folder.path, 'd'), { recursive: true });
    expect(() => tree.names('d')).toThrow(`${folder.path}/d changed while it was read: it is gone`);
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
