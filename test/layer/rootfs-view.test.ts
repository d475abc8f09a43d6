import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Entry,
  LayerError,
  type LayerFile,
  LayerIndex,
  LayerWriter,
  RootfsView,
} from '../../src/layer/index.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { directoryEntry, fileEntry, hardlinkEntry, symlinkEntry, writeLayer } from './tree.js';

let folder: TemporaryFolder;
let count = 0;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

type Item = Entry | readonly [Entry, string];
function layer(...entries: Item[]): Promise<LayerFile> {
  count += 1;
  return writeLayer(join(folder.path, `${count}.tar`), entries);
}
const file = (path: string, content = path): Item => [fileEntry(path, 0), content];
const view = async (...layers: Promise<LayerFile>[]) => RootfsView.of(await Promise.all(layers));
const pathsOf = (root: RootfsView) => {
  const start = root.lookup('/');
  return start ? [...root.walk(start)].map(({ path }) => path) : [];
};

describe('a stack of layers', () => {
  it('is one tree, sorted by bytes', async () => {
    const stack = await view(
      layer(directoryEntry('b'), file('b/z'), file('ä'), file('\uffee'), file('\u{1f600}')),
      layer(file('a-b'), file('a/c'), file('b/a')),
    );
    expect(pathsOf(stack)).toEqual(['a', 'a/c', 'a-b', 'b', 'b/a', 'b/z', 'ä', '\uffee', '\u{1f600}']);
  });

  it('shows the uppermost content', async () => {
    const stack = await view(layer(file('a', 'old'), file('b', 'kept')), layer(file('a', 'new')));
    expect(stack.readFile('/a')?.toString()).toBe('new');
    expect(stack.readFile('b')?.toString()).toBe('kept');
    expect(stack.readFile('c')).toBeUndefined();
    expect(() => stack.readFile('b', { maxBytes: 3 })).toThrow(LayerError);
  });

  it('loses what is whited out, wherever in the tar that stands', async () => {
    const base = layer(file('a/x'), file('a/y'), file('b/z'));
    expect(pathsOf(await view(base, layer(file('a/.wh.x', ''))))).toEqual(['a', 'a/y', 'b', 'b/z']);
    expect(pathsOf(await view(base, layer(file('a/new'), file('.wh.a', ''))))).toEqual([
      'a',
      'a/new',
      'b',
      'b/z',
    ]);
    expect(pathsOf(await view(base, layer(file('a/new'), file('a/.wh..wh..opq', ''))))).toEqual([
      'a',
      'a/new',
      'b',
      'b/z',
    ]);
    expect(pathsOf(await view(base, layer(file('.wh..wh..opq', ''))))).toEqual([]);
    expect(
      pathsOf(
        await view(
          base,
          layer(file('.wh.nothing', ''), file('.wh..wh.aufs', ''), file('.wh..wh.plnk/1.2', '')),
        ),
      ),
    ).toEqual(pathsOf(await view(base)));
    await expect(view(base, layer(file('a/.wh...', '')))).rejects.toThrow(LayerError);
  });

  it('replaces directories by files and back', async () => {
    const base = layer(file('a/x'), file('b'));
    expect(pathsOf(await view(base, layer(file('a')), layer(file('a/y'))))).toEqual(['a', 'a/y', 'b']);
    expect(pathsOf(await view(base, layer(directoryEntry('b'))))).toEqual(['a', 'a/x', 'b']);
  });

  it('gives directories the metadata of the uppermost entry', async () => {
    const stack = await view(
      layer(directoryEntry('tmp', { mode: 0o1777 }), file('tmp/a')),
      layer(file('tmp/b')),
    );
    expect(stack.lookup('tmp')?.entry.mode).toBe(0o1777);
    const changed = stack.extend(await layer(directoryEntry('tmp', { mode: 0o700 })));
    expect(changed.lookup('tmp')?.entry.mode).toBe(0o700);
    expect(pathsOf(changed)).toEqual(['tmp', 'tmp/a', 'tmp/b']);
  });

  it('leaves the view below as it was', async () => {
    const base = await view(layer(file('a/b/c'), file('a/d'), symlinkEntry('l', 'a/b')));
    const before = pathsOf(base);
    const above = base.extend(await layer(file('a/b/e'), file('.wh.l', ''), file('a/.wh.d', '')));
    expect(pathsOf(base)).toEqual(before);
    expect(pathsOf(above)).toEqual(['a', 'a/b', 'a/b/c', 'a/b/e']);
    expect(pathsOf(above.extend(await layer(file('x'))))).toEqual(['a', 'a/b', 'a/b/c', 'a/b/e', 'x']);
  });

  it('joins hard links, also to lower layers', async () => {
    const stack = await view(
      layer(file('a', 'same'), hardlinkEntry('d/b', 'a')),
      layer(hardlinkEntry('c', 'd/b')),
    );
    const [a, b, c] = ['a', 'd/b', 'c'].map((path) => stack.lookup(path));
    expect(b?.entry).toMatchObject({ path: 'd/b', type: 'file', size: 4 });
    expect(b?.inode).toBe(a?.inode);
    expect(c?.inode).toBe(a?.inode);
    expect(stack.readFile('c')?.toString()).toBe('same');
    expect(
      stack
        .extend(await layer(file('a', 'other')))
        .readFile('c')
        ?.toString(),
    ).toBe('same');
    await expect(view(layer(hardlinkEntry('c', 'nowhere')))).rejects.toThrow(LayerError);
  });
});

describe('paths', () => {
  const stack = () =>
    view(
      layer(
        directoryEntry('usr/lib'),
        symlinkEntry('lib', 'usr/lib'),
        symlinkEntry('abs', '/usr/./lib'),
        symlinkEntry('out', '../../../../usr'),
        symlinkEntry('usr/lib/up', '..'),
        symlinkEntry('usr/lib/so', 'so.1'),
        file('usr/lib/so.1'),
        symlinkEntry('loop', 'loop2'),
        symlinkEntry('loop2', 'loop'),
        symlinkEntry('dangling', 'usr/new/file'),
      ),
      layer(file('lib/added')),
    );

  it.each([
    ['/', ''],
    ['', ''],
    ['usr/../..', ''],
    ['/lib/so', 'usr/lib/so.1'],
    ['abs/so', 'usr/lib/so.1'],
    ['out/lib/up/lib/so.1', 'usr/lib/so.1'],
    ['lib/', 'usr/lib'],
    ['/lib/added', 'usr/lib/added'],
    ['loop', undefined],
    ['loop/x', undefined],
    ['usr/lib/so/x', undefined],
    ['dangling', undefined],
  ])('%s leads to %s', async (path, expected) => expect((await stack()).lookup(path)?.path).toBe(expected));

  it('end at a link when asked to', async () => {
    expect((await stack()).lookup('lib', { followLast: false })?.entry).toMatchObject({
      type: 'symlink',
      linkName: 'usr/lib',
    });
    expect((await stack()).lookup('lib/so', { followLast: false })?.path).toBe('usr/lib/so');
  });

  it.each([
    ['/lib/so', 'usr/lib/so.1', 'usr/lib/so.1', []],
    ['lib', 'usr/lib', 'usr/lib', []],
    ['lib/new', 'usr/lib/new', 'usr/lib', ['new']],
    ['/a/b/c', 'a/b/c', '', ['a', 'b', 'c']],
    ['/a/../b', 'b', '', ['b']],
    ['dangling', 'usr/new/file', 'usr', ['new', 'file']],
    ['dangling/x', 'usr/new/file/x', 'usr', ['new', 'file', 'x']],
  ])('have a destination: %s', async (path, resolved, parent, missing) => {
    const destination = (await stack()).destination(path);
    expect(destination.path).toBe(resolved);
    expect(destination.found?.path).toBe(missing.length === 0 ? resolved : undefined);
    expect(destination.parent.path).toBe(
      missing.length === 0 && resolved.endsWith('.1') ? 'usr/lib' : parent,
    );
    expect(destination.missing).toEqual(missing);
  });

  it('have no destination beyond a file', async () => {
    const tree = await stack();
    expect(() => tree.destination('usr/lib/so/x')).toThrow(LayerError);
    expect(() => tree.destination('loop/x')).toThrow(LayerError);
  });
});

describe('LayerIndex', () => {
  it('is the same from the writer, from the file and from disk', async () => {
    const path = join(folder.path, 'index.tar');
    const { index } = await writeLayer(path, [
      directoryEntry('d'),
      file('d/größe'),
      [fileEntry('d/\udcff', 0, { xattrs: new Map([['user.a', Buffer.of(0, 255)]]) }), 'x'],
      hardlinkEntry('h', 'd/größe'),
      symlinkEntry('s', 't'.repeat(300)),
      { ...fileEntry('dev', 0), type: 'character', device: { major: 1, minor: 3 } },
      [fileEntry('large', 0), 'x'.repeat(100_000)],
    ]);
    const scanned = await LayerIndex.scan(path);
    expect(scanned.entries).toEqual(index.entries);
    expect(LayerIndex.fromBytes(index.toBytes())?.entries).toEqual(index.entries);
    expect(LayerIndex.fromBytes(new LayerIndex([]).toBytes())?.entries).toEqual([]);
    expect(LayerIndex.fromBytes(Buffer.from('{"format":0}'))).toBeUndefined();
    expect(LayerIndex.fromBytes(Buffer.from('garbage'))).toBeUndefined();
    expect(LayerIndex.fromBytes(index.toBytes().subarray(0, 200))).toBeUndefined();
  });

  it('copies from one layer into the next', async () => {
    using stack = await view(
      layer(file('a', 'x'.repeat(600_000)), [fileEntry('b', 0, { mode: 0o4755 }), 'b']),
    );
    const writer = LayerWriter.create(join(folder.path, 'copy.tar'));
    for (const name of ['a', 'b']) {
      const found = stack.lookup(name);
      if (found) writer.addChunks({ ...found.entry, path: `copy/${name}` }, stack.read(found));
    }
    const { index } = await writer.finish();
    using copied = stack.extend({ index, path: writer.path });
    expect(copied.readFile('copy/a')?.equals(copied.readFile('a') ?? Buffer.of())).toBe(true);
    expect(copied.lookup('copy/b')?.entry.mode).toBe(0o4755);
  });
});
