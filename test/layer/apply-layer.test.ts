import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ApplyOptions,
  applyLayer,
  type Entry,
  LayerError,
  RootfsView,
  TarError,
  tarTree,
} from '../../src/layer/index.js';
import { LayerWriter } from '../../src/layer/layer-writer.js';
import { lgetxattr, mount, umount } from '../../src/linux/index.js';
import { run } from '../support/run.js';
import { tarOf } from '../support/tar.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import {
  chunksOf,
  describeTree,
  directoryEntry,
  fileEntry,
  hardlinkEntry,
  symlinkEntry,
  writeFiles,
  writeLayer,
} from './tree.js';

const isRoot = process.geteuid?.() === 0;
const KEEP: ApplyOptions = {
  whiteouts: 'overlay',
  ownership: isRoot ? 'keep' : 'ignore',
  devices: isRoot ? 'keep' : 'skip',
  userxattr: !isRoot,
};
const APPLY: ApplyOptions = { ...KEEP, whiteouts: 'apply' };

/** The same layers each time; other ones with `LAYER_TEST_RUNS=5000`. */
const RUNS = process.env.LAYER_TEST_RUNS
  ? { numRuns: Number(process.env.LAYER_TEST_RUNS) }
  : { numRuns: 300, seed: 1 };

let folder: TemporaryFolder;
let root: string;
let count = 0;
beforeEach(async () => {
  folder = await temporaryFolder();
  root = join(folder.path, 'root');
  mkdirSync(root);
  mkdirSync(join(folder.path, 'empty'));
  writeFileSync(join(folder.path, 'outside'), 'untouched');
});
afterEach(() => folder[Symbol.asyncDispose]());

type Item = Entry | readonly [Entry, string];
const file = (path: string, content = path): Item => [fileEntry(path, 0), content];
async function tar(...entries: Item[]): Promise<Buffer> {
  count += 1;
  return readFileSync((await writeLayer(join(folder.path, `layer-${count}`), entries)).path);
}
const apply = async (bytes: Uint8Array | Promise<Uint8Array>, options: ApplyOptions = KEEP, into = root) =>
  applyLayer(chunksOf(await bytes, 700), into, options);
const paths = (into = root) => Object.keys(describeTree(into));

describe('applyLayer', () => {
  it('makes what the layer says, and hashes it', async () => {
    const xattrs = new Map([['user.a', Buffer.of(0, 255, 10)]]);
    const capability = new Map([
      ['security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex')],
    ]);
    const written = await writeLayer(join(folder.path, 'all'), [
      directoryEntry('d', { mode: 0o1777, uid: 5, mtime: 1 }),
      [fileEntry('d/setuid', 0, { mode: 0o6755, uid: 1000, gid: 1001 }), 'x'],
      [fileEntry('d/capable', 0, { uid: 7, gid: 8, ...(isRoot && { xattrs: capability }) }), 'c'],
      [fileEntry('d/attributes', 0, { mode: 0o400, xattrs }), 'y'.repeat(20)],
      hardlinkEntry('link', 'd/setuid'),
      symlinkEntry('s', '/nowhere/größe', { uid: 3, gid: 4, mtime: 5 }),
      { ...fileEntry('pipe', 0, { mode: 0o622 }), type: 'fifo' },
      file('implied/deep/file'),
      directoryEntry('closed', { mode: 0o500 }),
      file('closed/file'),
      ...(isRoot
        ? [
            {
              ...fileEntry('null', 0, { mode: 0o666 }),
              type: 'character' as const,
              device: { major: 1, minor: 3 },
            },
          ]
        : []),
    ]);
    expect(await apply(readFileSync(written.path))).toEqual({ diffID: written.diffID, size: written.size });
    if (isRoot)
      expect(describeTree(root)).toMatchInlineSnapshot(`
      {
        "closed": {
          "line": "directory 500 0:0 1700000000",
          "xattrs": {},
        },
        "closed/file": {
          "line": "file 644 0:0 1700000000 closed/file",
          "xattrs": {},
        },
        "d": {
          "line": "directory 1777 5:0 1",
          "xattrs": {},
        },
        "d/attributes": {
          "line": "file 400 0:0 1700000000 yyyyyyyyyyyyyyyyyyyy",
          "xattrs": {
            "user.a": "00ff0a",
          },
        },
        "d/capable": {
          "line": "file 644 7:8 1700000000 c",
          "xattrs": {
            "security.capability": "0100000200200000000000000000000000000000",
          },
        },
        "d/setuid": {
          "line": "file 6755 1000:1001 1700000000 x",
          "xattrs": {},
        },
        "implied": {
          "line": "directory 755 0:0",
          "xattrs": {},
        },
        "implied/deep": {
          "line": "directory 755 0:0",
          "xattrs": {},
        },
        "implied/deep/file": {
          "line": "file 644 0:0 1700000000 implied/deep/file",
          "xattrs": {},
        },
        "link": {
          "line": "file 6755 1000:1001 1700000000 x = d/setuid",
          "xattrs": {},
        },
        "null": {
          "line": "character 666 0:0 1700000000 1,3",
          "xattrs": {},
        },
        "pipe": {
          "line": "fifo 622 0:0 1700000000",
          "xattrs": {},
        },
        "s": {
          "line": "symlink 777 3:4 5 /nowhere/größe",
          "xattrs": {},
        },
      }
    `);
    else expect(paths()).toContain('closed/file');
    chmodSync(join(root, 'closed'), 0o700); // so that the test's folder can be removed
  });

  it('comes back as it went', async () => {
    const source = join(folder.path, 'source');
    writeFiles(source, { 'a/b/c': 'x', 'a/d': 'y'.repeat(70_000), größe: '', 'z/.hidden': 'z' });
    symlinkSync('../a', join(source, 'z/link'));
    await run(['ln', join(source, 'a/d'), join(source, 'z/hard')]);
    await run(['cp', '--sparse=always', '/bin/ls', join(source, 'ls')]);
    const writer = LayerWriter.create(join(folder.path, 'tree'));
    expect(await tarTree(source, writer)).toBe(10);
    const { path } = { ...(await writer.finish()), path: writer.path };
    await apply(readFileSync(path));
    expect(describeTree(root)).toEqual(describeTree(source));
    const again = LayerWriter.create(join(folder.path, 'again'));
    await tarTree(root, again);
    expect((await again.finish()).diffID).toBe((await apply(readFileSync(path), APPLY)).diffID);
  });

  it('makes names that are no UTF-8', async () => {
    await apply(tar(file('\udcff/\udc80', 'x'), symlinkEntry('link', '\udcff')));
    expect(readdirSync(root, 'latin1')).toEqual(['link', '\xff']);
    expect(readlinkSync(join(root, 'link'), 'buffer')).toEqual(Buffer.of(0xff));
  });

  it('unpacks files with holes', async () => {
    const source = join(folder.path, 'source');
    mkdirSync(source);
    await run(['truncate', '--size=3M', join(source, 'holes')]);
    await run([
      'dd',
      'if=/bin/ls',
      `of=${join(source, 'holes')}`,
      'bs=4096',
      'count=2',
      'seek=200',
      'conv=notrunc',
      'status=none',
    ]);
    for (const format of [['--format=gnu'], ['--format=posix', '--sparse-version=1.0']]) {
      await run(['tar', '--sparse', ...format, '-C', source, '-cf', join(folder.path, 's.tar'), 'holes']);
      await apply(readFileSync(join(folder.path, 's.tar')), APPLY);
      expect(readFileSync(join(root, 'holes')).equals(readFileSync(join(source, 'holes')))).toBe(true);
      expect(statSync(join(root, 'holes')).blocks).toBeLessThan(1000);
    }
  });

  it('lets the last of several entries win', async () => {
    await apply(
      tar(
        file('a', 'first'),
        file('a', 'second'),
        directoryEntry('b'),
        file('b/c'),
        file('b', 'now a file'),
        file('c'),
        directoryEntry('c'),
        file('c/d'),
      ),
    );
    expect(describeTree(root)).toMatchObject({
      a: { line: expect.stringContaining('second') },
      b: { line: expect.stringContaining('now a file') },
    });
    expect(paths()).toEqual(['a', 'b', 'c', 'c/d']);
  });

  it('leaves out what needs privilege when told to', async () => {
    const devices = tar(
      { ...fileEntry('null', 0), type: 'character', device: { major: 1, minor: 3 } },
      file('kept'),
    );
    await apply(devices, { ...KEEP, devices: 'skip' });
    expect(paths()).toEqual(['kept']);
    await apply(tar([fileEntry('owned', 0, { uid: 12_345, mode: 0o4755 }), 'x']), {
      ...KEEP,
      ownership: 'ignore',
    });
    expect(lstatSync(join(root, 'owned'))).toMatchObject({ uid: process.geteuid?.(), mode: 0o104755 });
  });

  it.each([
    { limits: { maxBytes: 10 }, problem: 'more than 10 bytes' },
    { limits: { maxEntries: 1 }, problem: 'more than 1 entries' },
  ])('keeps the limits $limits', async ({ limits, problem }) => {
    await expect(apply(tar(file('a', '12345'), file('b', '123456')), { ...KEEP, limits })).rejects.toThrow(
      problem,
    );
  });

  it('fails with the entry named', async () => {
    await expect(apply(tar(symlinkEntry('empty', '')))).rejects.toThrow(LayerError);
    await expect(apply(tar(file('x'.repeat(300))))).rejects.toThrow('ENAMETOOLONG');
    const xattrs = new Map([['user.'.padEnd(300, 'x'), Buffer.from('')]]);
    await expect(apply(tar(directoryEntry('d', { xattrs })))).rejects.toThrow(LayerError);
    await expect(apply(tarOf({ a: Buffer.alloc(5000) }).subarray(0, 2000))).rejects.toThrow(TarError);
    await expect(apply(tar(file('a')), { ...KEEP, signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  });
});

describe('whiteouts', () => {
  const opaque = (path: string) =>
    lgetxattr(join(root, path), isRoot ? 'trusted.overlay.opaque' : 'user.overlay.opaque')?.toString();
  const isWhiteout = (path: string) =>
    lstatSync(join(root, path)).isCharacterDevice() && lstatSync(join(root, path)).rdev === 0;

  it('become marks of overlayfs', async () => {
    await apply(tar(file('.wh.a', ''), file('d/.wh.b', ''), file('o/.wh..wh..opq', ''), file('o/c')));
    expect([isWhiteout('a'), isWhiteout('d/b'), opaque('o'), opaque('d')]).toEqual([
      true,
      true,
      'y',
      undefined,
    ]);
    expect(readdirSync(root)).toEqual(['a', 'd', 'o']);
  });

  it.each([
    { order: 'before', entries: [file('.wh.a', ''), file('.wh.d', ''), file('a'), file('d/x')] },
    { order: 'after', entries: [file('a'), file('d/x'), file('.wh.a', ''), file('.wh.d', '')] },
  ])('hide only what is below, standing $order what the layer has', async ({ entries }) => {
    await apply(tar(...entries));
    expect(paths()).toEqual(['a', 'd', 'd/x']);
    expect([isWhiteout('a'), opaque('d')]).toEqual([false, 'y']);
  });

  it('are carried out', async () => {
    writeFiles(root, { 'a/b': '', 'a/c': '', 'o/old': '', 'o/sub/old': '', file: '' });
    await apply(
      tar(
        file('o/new'),
        file('o/sub/new'),
        file('o/.wh..wh..opq', ''),
        file('a/.wh.b', ''),
        file('.wh.file', ''),
        file('gone/.wh.x', ''),
      ),
      APPLY,
    );
    expect(paths()).toEqual(['a', 'a/c', 'o', 'o/new', 'o/sub', 'o/sub/new']);
    await apply(tar(file('a/new'), file('.wh.a', ''), file('.wh.o', '')), APPLY);
    expect(paths()).toEqual(['a', 'a/new']);
    await apply(tar(file('.wh..wh..opq', ''), file('.wh..wh.plnk/9', '')), APPLY);
    expect(paths()).toEqual([]);
  });

  it('inside what is deleted, or no directory any more, mean nothing', async () => {
    const entries = [
      file('a/.wh.b', ''),
      file('.wh.a', ''),
      file('.wh.c', ''),
      file('c/.wh.d', ''),
      file('e'),
      file('e/.wh.f', ''),
    ];
    for (const ordered of [entries, entries.toReversed()]) {
      await apply(tar(...ordered));
      expect(readdirSync(root)).toEqual(['a', 'c', 'e']);
      expect([isWhiteout('a'), isWhiteout('c'), lstatSync(join(root, 'e')).isFile()]).toEqual([
        true,
        true,
        true,
      ]);
      await run(['rm', '-rf', root]);
      mkdirSync(root);
    }
  });

  it.each(['.wh.', '.wh..', '.wh...', 'a/.wh...'])('of no name are refused: %s', async (path) => {
    for (const options of [KEEP, APPLY])
      await expect(apply(tar(file('a/b'), file(path, '')), options)).rejects.toThrow(LayerError);
  });
});

describe('with the layers below at hand', () => {
  it('makes directories as they are there', async () => {
    const [top, base] = [join(folder.path, 'top'), join(folder.path, 'base')];
    for (const path of [top, base]) mkdirSync(path);
    await apply(
      tar(
        directoryEntry('tmp', { mode: 0o1777, mtime: 77 }),
        directoryEntry('usr/lib', { uid: isRoot ? 9 : 0 }),
        symlinkEntry('lib', 'usr/lib'),
        file('usr/lib/x', 'below'),
      ),
      KEEP,
      base,
    );
    await apply(tar(file('.wh.tmp', '')), KEEP, top);
    await apply(tar(file('tmp/a'), file('lib/b'), hardlinkEntry('linked', 'usr/lib/x')), {
      ...KEEP,
      lowers: [base],
    });
    expect(paths()).toEqual(['linked', 'tmp', 'tmp/a', 'usr', 'usr/lib', 'usr/lib/b']);
    expect(lstatSync(join(root, 'tmp'))).toMatchObject({ mode: 0o41777, mtimeMs: 77_000 });
    if (isRoot) expect(lstatSync(join(root, 'usr/lib')).uid).toBe(9);
    expect(readFileSync(join(root, 'linked'), 'utf8')).toBe('below');

    const other = join(folder.path, 'other');
    mkdirSync(other);
    await apply(tar(file('tmp/a')), { ...KEEP, lowers: [top, base] }, other);
    expect(lstatSync(join(other, 'tmp')).mode).toBe(0o40755);
    await expect(apply(tar(hardlinkEntry('x', 'usr')), { ...KEEP, lowers: [base] })).rejects.toThrow(
      'no file',
    );
  });
});

describe('a hostile layer', () => {
  const victim = () => join(folder.path, 'outside');
  it.each<{ what: string; entries: () => Item[] }>([
    {
      what: 'a link to outside, and a file through it',
      entries: () => [symlinkEntry('l', folder.path), file('l/outside', 'evil')],
    },
    {
      what: 'a link upwards, and a file through it',
      entries: () => [symlinkEntry('l', '../../../../..'), file(`l${folder.path}/outside`, 'evil')],
    },
    {
      what: 'a link in the place of a file',
      entries: () => [symlinkEntry('l', '../outside'), file('l', 'evil')],
    },
    {
      what: 'links in a chain',
      entries: () => [
        symlinkEntry('a', '..'),
        symlinkEntry('b', 'a/..'),
        symlinkEntry('c', 'b/..'),
        file('c/outside', 'evil'),
        file('b/outside', 'evil'),
        file('a/outside', 'evil'),
      ],
    },
    {
      what: 'a directory that becomes a link',
      entries: () => [directoryEntry('d'), file('d/x'), symlinkEntry('d', '..'), file('d/outside', 'evil')],
    },
    { what: 'a hard link to outside', entries: () => [hardlinkEntry('h', victim()), file('h', 'evil')] },
    {
      what: 'a hard link through a link',
      entries: () => [symlinkEntry('l', '..'), hardlinkEntry('h', 'l/outside')],
    },
    {
      what: 'a hard link to a link to outside',
      entries: () => [symlinkEntry('l', '../outside'), hardlinkEntry('h', 'l'), file('h', 'evil')],
    },
    {
      what: 'a whiteout through a link',
      entries: () => [symlinkEntry('l', '..'), file('l/.wh.outside', '')],
    },
    {
      what: 'an opaque mark through a link',
      entries: () => [symlinkEntry('l', '..'), file('l/.wh..wh..opq', '')],
    },
    {
      what: 'modes and owners through a link',
      entries: () => [
        symlinkEntry('l', '../outside', { mode: 0o4777, uid: 1 }),
        directoryEntry('m'),
        symlinkEntry('m', '..'),
      ],
    },
    {
      what: 'a pipe and a directory in the place of a link',
      entries: () => [
        symlinkEntry('l', '..'),
        { ...fileEntry('l', 0), type: 'fifo' },
        symlinkEntry('m', '..'),
        directoryEntry('m', { mode: 0o777 }),
      ],
    },
    { what: 'a link in circles', entries: () => [symlinkEntry('l', 'l'), file('l/x')] },
    {
      what: 'links beyond count',
      entries: () => [
        ...Array.from({ length: 60 }, (_, i) => symlinkEntry(`l${i}`, `l${i + 1}`)),
        file('l0/outside'),
      ],
    },
  ])('never gets out: $what', async ({ entries }) => {
    for (const options of [KEEP, APPLY]) {
      const before = describeOutside();
      await apply(tar(...entries()), options).catch((error: unknown) =>
        expect(error).toBeInstanceOf(LayerError),
      );
      expect(describeOutside()).toEqual(before);
      await run(['rm', '-rf', root]);
      mkdirSync(root);
    }
  });

  it.each(['../outside', '/../outside', 'a/../../outside', '..'])(
    'is refused for the name %s',
    async (path) => {
      await expect(apply(tarOf({ [path]: Buffer.from('evil') }))).rejects.toThrow(TarError);
      await expect(apply(tarOf({ [path]: Buffer.from('evil') }), APPLY)).rejects.toThrow(TarError);
    },
  );

  it('writes absolute names inside', async () => {
    await apply(tarOf({ [`${folder.path}/outside`]: Buffer.from('inside') }));
    expect(readFileSync(join(root, folder.path, 'outside'), 'utf8')).toBe('inside');
    expect(readFileSync(victim(), 'utf8')).toBe('untouched');
  });

  it('cannot speak to overlayfs', async () => {
    const xattrs = new Map(
      ['trusted.overlay.redirect', 'user.overlay.redirect', 'user.kept'].map((name) => [
        name,
        Buffer.from('/etc'),
      ]),
    );
    await apply(
      tar(directoryEntry('d', { xattrs }), {
        ...fileEntry('w', 0),
        type: 'character',
        device: { major: 0, minor: 0 },
      }),
    );
    expect(
      ['trusted.overlay.redirect', 'user.overlay.redirect', 'user.kept'].map((name) =>
        lgetxattr(join(root, 'd'), name)?.toString(),
      ),
    ).toEqual([undefined, undefined, '/etc']);
    expect(existsSync(join(root, 'w'))).toBe(false);
  });

  it('never gets out, whatever it is, and comes to what the view says', async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const target = fc
      .array(fc.constantFrom('a', 'b', 'c', '..', '.', ''), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('/') || 'a');
    const entry: fc.Arbitrary<Item> = fc.oneof(
      path.map((p) => file(p, 'x')),
      path.map((p) => directoryEntry(p)),
      fc.tuple(path, target).map(([p, t]) => symlinkEntry(p, t)),
      fc.tuple(path, path).map(([p, t]) => hardlinkEntry(p, t)),
      fc.tuple(path, name).map(([p, n]) => file(`${p}/.wh.${n}`, '')),
      path.map((p) => file(`${p}/.wh..wh..opq`, '')),
      fc.constant(file('.wh..wh..opq', '')),
    );
    const layers = fc.array(fc.array(entry, { maxLength: 7 }), { minLength: 1, maxLength: 3 });
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(layers, async (stack) => {
        count += 1;
        const arena = join(folder.path, `arena-${count}`);
        const inside = join(arena, 'root');
        mkdirSync(inside, { recursive: true });
        writeFiles(arena, { a: '1', 'b/c': '2', c: '3' });
        const before = withoutRoot(describeTree(arena));
        let hasFailed = false;
        const files = [];
        for (const entries of stack) {
          count += 1;
          const written = await writeLayer(join(folder.path, `layer-${count}`), entries);
          files.push(written);
          await apply(readFileSync(written.path), APPLY, inside).catch((error: unknown) => {
            expect(error).toBeInstanceOf(LayerError);
            hasFailed = true;
          });
          if (hasFailed) break;
        }
        expect(withoutRoot(describeTree(arena))).toEqual(before);
        if (hasFailed) return;
        // One layer with entries that stand in each other's way may be read in more than one way.
        if (stack.some((entries) => !isOrderly(entries)) || deletesItsWay(stack)) return;
        compared += 1;
        using view = RootfsView.of(files);
        const start = view.lookup('/');
        const found = start
          ? [...view.walk(start)].map(({ path, entry: { type } }) => `${path} ${type}`)
          : [];
        if (isRoot && !hasLinkThroughLink(stack))
          expect(await inOverlay(files.map((written) => written.path))).toEqual(found);
        expect(found).toEqual(
          Object.entries(describeTree(inside)).map(([path, { line }]) => `${path} ${line.split(' ')[0]}`),
        );
      }),
      RUNS,
    );
    expect(compared).toBeGreaterThan(20);
  });

  /** As an overlay of the layers shows it. */
  async function inOverlay(layers: readonly string[]): Promise<string[]> {
    count += 1;
    const lowers: string[] = [];
    for (const [i, layer] of layers.entries()) {
      const target = join(folder.path, `lower-${count}-${i}`);
      mkdirSync(target);
      await apply(readFileSync(layer), { ...KEEP, lowers }, target);
      lowers.unshift(target);
    }
    const merged = join(folder.path, `merged-${count}`);
    mkdirSync(merged);
    // An overlay wants two lower directories.
    mount('overlay', merged, 'overlay', 0, `lowerdir=${[...lowers, join(folder.path, 'empty')].join(':')}`);
    try {
      return Object.entries(describeTree(merged)).map(([path, { line }]) => `${path} ${line.split(' ')[0]}`);
    } finally {
      umount(merged);
    }
  }

  function describeOutside(): unknown {
    return withoutRoot(describeTree(folder.path, { times: true }));
  }
});

function withoutRoot(tree: Record<string, unknown>): unknown {
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([path]) => !/^root(\/|$)|^layer-/.test(path))
      .map(([path, value]) => [path, value]),
  );
}

/** No path twice, and no links on the way to another path of the same layer. */
function isOrderly(entries: readonly Item[]): boolean {
  const all = entryOfEach(entries);
  const seen = new Set<string>();
  return all.every((entry, i) => {
    const isNew = !seen.has(entry.path);
    seen.add(entry.path);
    const blocks = all.some(
      (other, j) => i !== j && entry.type !== 'directory' && other.path.startsWith(`${entry.path}/`),
    );
    return isNew && !blocks;
  });
}

/** A hard link to below, by way of a symbolic link that is below: too odd to be followed in a directory of its own. */
function hasLinkThroughLink(stack: readonly (readonly Item[])[]): boolean {
  const all = entryOfEach(stack.flat());
  const links = all.filter(({ type }) => type === 'symlink');
  return all.some(
    ({ type, linkName }) => type === 'hardlink' && links.some(({ path }) => linkName?.startsWith(`${path}/`)),
  );
}

/** A layer with a path through a symbolic link of a layer below, which it may delete before or after. */
function deletesItsWay(stack: readonly (readonly Item[])[]): boolean {
  const links = stack.map((entries) => entryOfEach(entries).filter(({ type }) => type === 'symlink'));
  return stack.some((entries, i) => {
    const paths = entryOfEach(entries).map(({ path }) => path);
    const below = links.slice(0, i).flat();
    return (
      paths.some((path) => path.includes('.wh.')) &&
      below.some((link) => paths.some((path) => path.startsWith(`${link.path}/`)))
    );
  });
}

function entryOfEach(items: readonly Item[]): Entry[] {
  return items.map((item) => ('path' in item ? item : item[0]));
}
