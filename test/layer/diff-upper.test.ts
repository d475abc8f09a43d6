import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  applyLayer,
  diffUpper,
  LayerError,
  LayerWriter,
  RootfsView,
  tarTree,
} from '../../src/layer/index.js';
import { LinuxError, lsetxattr, makeDevice, mount, umount } from '../../src/linux/index.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { chunksOf, describeTree, readAll, writeFiles } from './tree.js';

const isRoot = process.geteuid?.() === 0;
let folder: TemporaryFolder;
let count = 0;
const at = (...parts: string[]) => join(folder.path, ...parts);

beforeEach(async () => {
  folder = await temporaryFolder();
  mkdirSync(at('upper'));
  mkdirSync(at('lower'));
});
afterEach(() => folder[Symbol.asyncDispose]());

async function diff(lowers = [at('lower')], upper = at('upper')) {
  count += 1;
  const writer = LayerWriter.create(at(`diff-${count}.tar`));
  const entries = await diffUpper({ upper, lowers, userxattr: true }, writer);
  const { index } = await writer.finish();
  expect(index.entries).toHaveLength(entries);
  return index.entries.map(({ entry }) => entry);
}
const paths = async (...given: Parameters<typeof diff>) => (await diff(...given)).map(({ path }) => path);
const whiteout = (...parts: string[]) =>
  makeDevice(at(...parts), { type: 'character', permissions: 0, major: 0, minor: 0 });
const opaque = (path: string, value = 'y') => lsetxattr(path, 'user.overlay.opaque', Buffer.from(value));

describe('diffUpper', () => {
  it('is sorted, with the directories on the way to what changed', async () => {
    writeFiles(at('lower'), { 'a/b/old': '', 'a/c/old': '', 'x/y/z': '' });
    writeFiles(at('upper'), { 'a/b/new': '1', 'a/b/new2': '2', 'new/d/e': '3' });
    mkdirSync(at('upper/x/y'), { recursive: true });
    expect(await paths()).toEqual(['a', 'a/b', 'a/b/new', 'a/b/new2', 'new', 'new/d', 'new/d/e']);
  });

  it('has a directory whose own metadata changed', async () => {
    for (const side of ['lower', 'upper']) mkdirSync(at(side, 'a/b/c'), { recursive: true });
    expect(await paths()).toEqual([]);
    chmodSync(at('upper/a/b'), 0o700);
    expect(await diff()).toMatchObject([{ path: 'a' }, { path: 'a/b', mode: 0o700 }]);
    chmodSync(at('lower/a/b'), 0o700);
    lsetxattr(at('upper/a/b/c'), 'user.x', Buffer.from('1'));
    expect(await paths()).toEqual(['a', 'a/b', 'a/b/c']);
  });

  it('leaves out what was moved away and back', async () => {
    for (const side of ['lower', 'upper']) writeFiles(at(side), { same: 'text', 'd/same': '' });
    for (const side of ['lower', 'upper']) {
      symlinkSync('target', at(side, 'link'));
      lutimesSync(at(side, 'link'), 5, 5);
    }
    expect(await paths()).toEqual([]);
    writeFileSync(at('upper/same'), 'TEXT');
    utimesSync(at('upper/same'), 1_700_000_000, 1_700_000_000);
    rmSync(at('upper/link'));
    symlinkSync('TARGET', at('upper/link'));
    lutimesSync(at('upper/link'), 5, 5);
    expect(await paths()).toEqual(['link', 'same']);
  });

  it('turns marks of deletion into whiteouts, of what is there', async () => {
    writeFiles(at('lower'), { 'd/gone': '', top: '' });
    mkdirSync(at('upper/d'));
    for (const name of ['d/gone', 'd/never', 'top', 'nothing']) whiteout('upper', name);
    expect(await diff()).toMatchObject([
      { path: 'd' },
      { path: 'd/.wh.gone', type: 'file', size: 0, mtime: 0, mode: 0 },
      { path: '.wh.top' },
    ]);
  });

  it('sees through several lower directories', async () => {
    const [top, middle, base] = ['top', 'middle', 'base'].map((name) => at(name));
    writeFiles(base ?? '', { a: '', b: '', 'd/x': '', 'o/x': '' });
    writeFiles(middle ?? '', { c: '', 'o/y': '' });
    whiteout('middle', 'a');
    opaque(at('middle/o'));
    writeFiles(top ?? '', { 'o/z': '' });
    mkdirSync(at('upper/o'));
    for (const name of ['a', 'b', 'c', 'd', 'o/x', 'o/y', 'o/z']) whiteout('upper', name);
    const lowers = [top ?? '', middle ?? '', base ?? ''];
    expect(await paths(lowers)).toEqual(['.wh.b', '.wh.c', '.wh.d', 'o', 'o/.wh.y', 'o/.wh.z']);
  });

  it('marks a directory as opaque where that hides something', async () => {
    writeFiles(at('lower'), { 'd/old': '' });
    writeFiles(at('upper'), { 'd/old': '', 'd/sub/new': '', 'fresh/x': '' });
    for (const name of ['d', 'fresh']) opaque(at('upper', name));
    expect(await paths()).toEqual(['d', 'd/.wh..wh..opq', 'd/old', 'd/sub', 'd/sub/new', 'fresh', 'fresh/x']);
  });

  it('knows whiteouts that are files with an attribute', async () => {
    writeFiles(at('lower'), { 'd/gone': '', 'd/kept': '' });
    writeFiles(at('upper'), { 'd/gone': '' });
    lsetxattr(at('upper/d/gone'), 'user.overlay.whiteout', Buffer.from('y'));
    opaque(at('upper/d'), 'x');
    expect(await paths()).toEqual(['d', 'd/.wh.gone']);
  });

  it('joins hard links and leaves out sockets and attributes of overlayfs', async () => {
    writeFiles(at('upper'), { b: 'same' });
    linkSync(at('upper/b'), at('upper/a'));
    linkSync(at('upper/b'), at('upper/c'));
    lsetxattr(at('upper/a'), 'user.overlay.origin', Buffer.from('x'));
    lsetxattr(at('upper/a'), 'user.mine', Buffer.from('x'));
    const server = createServer().listen(at('upper/socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await diff()).toMatchObject([
      { path: 'a', type: 'file', xattrs: new Map([['user.mine', Buffer.from('x')]]) },
      { path: 'b', type: 'hardlink', linkName: 'a', size: 0 },
      { path: 'c', type: 'hardlink', linkName: 'a' },
    ]);
    await new Promise((resolve) => server.close(resolve));
  });

  it.skipIf(!isRoot)("gives capabilities of a namespace's root to any root", async () => {
    writeFiles(at('upper'), { ping: '' });
    lsetxattr(
      at('upper/ping'),
      'security.capability',
      Buffer.from('010000030020000000000000000000000000000064000000', 'hex'),
    );
    const [entry] = await diff();
    expect(entry?.xattrs?.get('security.capability')?.toString('hex')).toBe(
      '0100000200200000000000000000000000000000',
    );
  });

  it('refuses what a layer cannot say', async () => {
    writeFiles(at('upper'), { '.wh.mine': '' });
    await expect(diff()).rejects.toThrow(LayerError);
    rmSync(at('upper/.wh.mine'));
    mkdirSync(at('upper/moved'));
    lsetxattr(at('upper/moved'), 'user.overlay.redirect', Buffer.from('/x'));
    await expect(diff()).rejects.toThrow('redirect_dir=off');
  });

  it('makes the same bytes of the same tree', async () => {
    writeFiles(at('upper'), { 'b/c': 'x', a: 'y' });
    await diff();
    await diff();
    expect(readFileSync(at(`diff-${count}.tar`)).equals(readFileSync(at(`diff-${count - 1}.tar`)))).toBe(
      true,
    );
  });
});

/** What programs do to files; failures are part of life. */
type Change = (root: string) => void;
const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(path, fc.string({ maxLength: 5 })).map(
    ([p, text]) =>
      (root: string) =>
        writeFileSync(join(root, p), text),
  ),
  path.map((p) => (root: string) => void mkdirSync(join(root, p))),
  path.map((p) => (root: string) => void mkdirSync(join(root, p))),
  path.map((p) => (root: string) => unlinkSync(join(root, p))),
  path.map((p) => (root: string) => rmSync(join(root, p), { recursive: true })),
  fc.tuple(path, path).map(
    ([p, q]) =>
      (root: string) =>
        renameSync(join(root, p), join(root, q)),
  ),
  fc.tuple(path, path).map(
    ([p, q]) =>
      (root: string) =>
        linkSync(join(root, p), join(root, q)),
  ),
  fc.tuple(path, path).map(
    ([p, q]) =>
      (root: string) =>
        symlinkSync(p, join(root, q)),
  ),
  fc.tuple(path, fc.constantFrom(0o600, 0o4755, 0o1777)).map(
    ([p, mode]) =>
      (root: string) =>
        chmodSync(join(root, p), mode),
  ),
  fc.tuple(path, fc.constantFrom(0, 1000)).map(
    ([p, id]) =>
      (root: string) =>
        chownSync(join(root, p), id, id),
  ),
  fc.tuple(path, fc.constantFrom('1', '2')).map(
    ([p, value]) =>
      (root: string) =>
        lsetxattr(join(root, p), 'user.x', Buffer.from(value)),
  ),
);

const FILES = { 'a/b/c': '1', 'a/c': '2', 'b/b': '3', c: '4' };

describe.skipIf(!isRoot)('with a real overlay', () => {
  it('a layer made of changes makes the same changes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
        async (runs) => {
          count += 1;
          const arena = at(`arena-${count}`);
          const dir = (...parts: string[]) => {
            mkdirSync(join(arena, ...parts), { recursive: true });
            return join(arena, ...parts);
          };
          writeFiles(dir('base'), FILES);
          const made = [dir('base')]; // as overlayfs left them, uppermost first
          const unpacked = [dir('base')]; // as layers made of them unpack
          writeFiles(dir('flat'), FILES); // as layers are applied one onto the other
          const baseTar = LayerWriter.create(join(arena, 'base.tar'));
          await tarTree(dir('base'), baseTar);
          let view = RootfsView.of([{ ...(await baseTar.finish()), path: baseTar.path }]);
          for (const [i, changes] of runs.entries()) {
            const upper = dir(`upper-${i}`);
            const merged = overlay(dir('merged'), made, [upper, dir(`work-${i}`)]);
            for (const step of changes) attempt(() => step(merged));
            const expected = describeTree(merged, { links: false });
            umount(merged);
            const writer = LayerWriter.create(join(arena, `${i}.tar`));
            await diffUpper({ upper, lowers: made }, writer);
            const { index, diffID } = await writer.finish();
            view = view.extend({ index, path: writer.path });
            const target = dir(`layer-${i}`);
            const bytes = readFileSync(writer.path);
            const options = {
              whiteouts: 'overlay',
              ownership: 'keep',
              devices: 'keep',
              lowers: unpacked,
            } as const;
            expect((await applyLayer(chunksOf(bytes, 5000), target, options)).diffID).toBe(diffID);
            await applyLayer(chunksOf(bytes, 5000), dir('flat'), { ...options, whiteouts: 'apply' });
            made.unshift(upper);
            unpacked.unshift(target);
            const again = overlay(dir('merged'), unpacked);
            const actual = describeTree(again, { links: false });
            umount(again);
            expect(withoutTimes(actual)).toEqual(withoutTimes(expected));
            expect(withoutTimes(describeTree(dir('flat'), { links: false }))).toEqual(withoutTimes(expected));
            const start = view.lookup('/');
            const inView = start
              ? [...view.walk(start)].map(
                  ({ path: p, entry }) =>
                    `${p} ${entry.type} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid}`,
                )
              : [];
            expect(inView).toEqual(
              Object.entries(expected).map(
                ([p, { line }]) => `${p} ${line.split(' ').slice(0, 3).join(' ')}`,
              ),
            );
          }
          rmSync(arena, { recursive: true });
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
});

function overlay(target: string, lowers: readonly string[], upper?: readonly [string, string]): string {
  const data = `lowerdir=${lowers.join(':')}${upper ? `,upperdir=${upper[0]},workdir=${upper[1]},redirect_dir=off,metacopy=off,index=off` : ''}`;
  // One lower directory alone makes no overlay.
  mount('overlay', target, 'overlay', 0, lowers.length === 1 && !upper ? `${data}:${lowers[0]}` : data);
  return target;
}

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    const isExpected = error instanceof LinuxError || (error instanceof Error && 'code' in error);
    if (!isExpected) throw error;
  }
}

/** A directory's time changes as things in it do, and layers do not follow that where nothing else changed. */
function withoutTimes(tree: ReturnType<typeof describeTree>): unknown {
  return Object.fromEntries(
    Object.entries(tree).map(([p, { line, xattrs }]) => [
      p,
      { line: line.startsWith('directory') ? line.replace(/ \d+$/, '') : line, xattrs },
    ]),
  );
}

it('readAll agrees with the index', async () => {
  writeFiles(at('upper'), { 'a/b': 'x' });
  const entries = await diff();
  expect((await readAll(readFileSync(at(`diff-${count}.tar`)))).map(({ entry }) => entry)).toEqual(entries);
});
