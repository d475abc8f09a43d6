import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyLayer, LayerIndex, RootfsView, readTar, TarError } from '../../src/layer/index.js';
import { run } from '../support/run.js';
import { tarOf, header as ustarHeader } from '../support/tar.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { readAll, writeFiles } from './tree.js';

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const LONG = `${'long'.repeat(40)}/${'name'.repeat(40)}`;

/** Segments of data at 0, 1 MiB and the end, with holes between. */
function sparseContent(): Buffer {
  const content = Buffer.alloc(2 * 1024 * 1024 + 512);
  content.write('start');
  content.write('middle', 1024 * 1024);
  content.write('end', content.length - 3);
  return content;
}

/** Pages of zeros are left out, so that the file has holes on disk. */
function writeWithHoles(path: string, content: Buffer): void {
  const fd = openSync(path, 'w');
  for (let at = 0; at < content.length; at += 4096) {
    const page = content.subarray(at, at + 4096);
    if (page.some((byte) => byte !== 0)) writeSync(fd, page, 0, page.length, at);
  }
  ftruncateSync(fd, content.length);
  closeSync(fd);
}

describe('archives of GNU tar', () => {
  it.each(['v7', 'oldgnu', 'gnu', 'ustar', 'posix'])('in the format %s', async (format) => {
    const root = join(folder.path, format);
    const isLimited = format === 'v7' || format === 'ustar';
    writeFiles(root, { 'a/b': 'content', größe: 'ü', ...(!isLimited && { [LONG]: 'long' }) });
    symlinkSync(isLimited ? 'target' : 'x'.repeat(150), join(root, 'a/link'));
    const file = join(folder.path, `${format}.tar`);
    await run(['tar', `--format=${format}`, '--sort=name', '-C', root, '-cf', file, '.']);
    const found = await readAll(readFileSync(file));
    const files = Object.fromEntries(found.map(({ entry, content }) => [entry.path, content]));
    expect(files).toEqual({
      a: '',
      'a/b': 'content',
      'a/link': '',
      größe: 'Ã¼',
      ...(!isLimited && { [LONG.split('/')[0] ?? '']: '', [LONG]: 'long' }),
    });
    const link = found.find(({ entry }) => entry.path === 'a/link')?.entry;
    expect(link).toMatchObject({ type: 'symlink', linkName: isLimited ? 'target' : 'x'.repeat(150) });
    expect(found.find(({ entry }) => entry.path === 'a/b')?.entry).toMatchObject({
      mode: 0o644,
      mtime: 1_700_000_000,
    });
  });

  it.each([
    { format: 'gnu', options: [] },
    { format: 'posix', options: ['--sparse-version=0.0'] },
    { format: 'posix', options: ['--sparse-version=0.1'] },
    { format: 'posix', options: ['--sparse-version=1.0'] },
  ])('with holes, $format $options', async ({ format, options }) => {
    const root = join(folder.path, `sparse-${format}${options.join('')}`);
    const content = sparseContent();
    writeFiles(root, { 'z-after': 'after' });
    writeWithHoles(join(root, 'holes'), content);
    const file = join(folder.path, 'sparse.tar');
    await run([
      'tar',
      `--format=${format}`,
      '--sparse',
      ...options,
      '--hole-detection=raw',
      '--sort=name',
      '-C',
      root,
      '-cf',
      file,
      '.',
    ]);
    expect(readFileSync(file).length).toBeLessThan(100_000);
    const found = await readAll(readFileSync(file), 70_000);
    const holes = found.find(({ entry }) => entry.path === 'holes');
    expect(holes?.entry.size).toBe(content.length);
    expect(Buffer.from(holes?.content ?? '', 'latin1').equals(content)).toBe(true);
    expect(found.at(-1)?.content).toBe('after');

    const index = await LayerIndex.scan(file);
    const restored = LayerIndex.fromBytes(index.toBytes());
    using view = RootfsView.of([{ index: restored ?? index, path: file }]);
    const inView = view.lookup('holes');
    expect(inView && Buffer.concat([...view.read(inView)].map((chunk) => Buffer.from(chunk))).length).toBe(
      content.length,
    );
    expect(view.readFile('/holes', { maxBytes: 1e9 })?.equals(content)).toBe(true);
    expect(view.readFile('/z-after')?.toString()).toBe('after');
  });

  it('with many holes', async () => {
    const root = join(folder.path, 'many');
    const content = Buffer.alloc(400 * 8192);
    for (let i = 0; i < 400; i += 2) content.write(`segment ${i}`, i * 8192);
    writeFiles(root, { z: 'after' });
    writeWithHoles(join(root, 'holes'), content);
    for (const options of [['--format=gnu'], ['--format=posix', '--sparse-version=1.0']]) {
      const file = join(folder.path, 'many.tar');
      await run([
        'tar',
        ...options,
        '--sparse',
        '--hole-detection=raw',
        '--sort=name',
        '-C',
        root,
        '-cf',
        file,
        '.',
      ]);
      const found = await readAll(readFileSync(file), 333);
      expect(readFileSync(file).length).toBeLessThan(content.length / 1.5);
      expect(Buffer.from(found[0]?.content ?? '', 'latin1').equals(content)).toBe(true);
      expect(found[1]?.content).toBe('after');
    }
  });

  it('with numbers beyond octal', async () => {
    const root = join(folder.path, 'numbers');
    writeFiles(root, { a: 'x' });
    const file = join(folder.path, 'numbers.tar');
    await run([
      'tar',
      '--format=gnu',
      '--owner=:4000000000',
      '--group=:3000000',
      '--mtime=@-100',
      '-C',
      root,
      '-cf',
      file,
      'a',
    ]);
    expect((await readAll(readFileSync(file)))[0]?.entry).toMatchObject({
      uid: 4_000_000_000,
      gid: 3_000_000,
      mtime: -100,
    });
  });
});

describe('archives of Python', () => {
  it('with global and local pax headers', async () => {
    const file = join(folder.path, 'python.tar');
    const script = `
import tarfile, io, sys
t = tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT, pax_headers={'mtime': '1234.75', 'SCHILY.xattr.user.g': 'global'})
for name, pax in (('a', {}), ('b', {'mtime': '99.999', 'SCHILY.xattr.user.l': 'local', 'uid': '7'})):
  i = tarfile.TarInfo(name); i.size = 3; i.pax_headers = pax; t.addfile(i, io.BytesIO(b'abc'))
t.close()`;
    await run(['python3', '-c', script, file]);
    const [a, b] = (await readAll(readFileSync(file))).map(({ entry }) => entry);
    expect(a).toMatchObject({ path: 'a', mtime: 1234, xattrs: new Map([['user.g', Buffer.from('global')]]) });
    expect(b).toMatchObject({ path: 'b', mtime: 99, uid: 7 });
    expect(b?.xattrs?.get('user.l')?.toString()).toBe('local');
  });
});

describe('readTar', () => {
  it('cleans names', async () => {
    const files = { './a': Buffer.of(1), '/b//c/./d': Buffer.of(2), './': Buffer.of() };
    expect((await readAll(tarOf(files))).map(({ entry }) => entry.path)).toEqual(['a', 'b/c/d']);
  });

  it('takes an archive without its end, and drops what follows it', async () => {
    const tar = tarOf({ a: Buffer.from('x') });
    expect(await readAll(tar.subarray(0, 1024))).toHaveLength(1);
    expect(await readAll(tar.subarray(0, 512 + 1))).toHaveLength(1); // nor the padding
    expect(await readAll(Buffer.concat([tar, Buffer.alloc(10_240), Buffer.from('garbage')]))).toHaveLength(1);
    expect(await readAll(Buffer.alloc(0))).toEqual([]);
  });

  it('skips content that nobody reads', async () => {
    const tar = tarOf({ a: Buffer.alloc(5000, 1), b: Buffer.alloc(3) });
    const paths: string[] = [];
    for await (const { entry, content } of readTar(chunks(tar))) {
      paths.push(entry.path);
      for await (const _ of content) break;
    }
    expect(paths).toEqual(['a', 'b']);
  });

  const pax = (text: string) => paxHeader('x', text);
  it.each([
    { what: 'no archive at all', tar: Buffer.alloc(1024, 'garbage'), problem: 'not a tar archive' },
    {
      what: 'an early end of the content',
      tar: tarOf({ a: Buffer.alloc(2000) }).subarray(0, 1500),
      problem: 'ends within',
    },
    {
      what: 'an early end of a header',
      tar: tarOf({ a: Buffer.of() }).subarray(0, 100),
      problem: 'ends within a header',
    },
    { what: 'a name with ..', tar: tarOf({ 'a/../../b': Buffer.of() }), problem: 'a part ".."' },
    { what: 'a name of ..', tar: tarOf({ '..': Buffer.of() }), problem: 'a part ".."' },
    {
      what: 'a pax header beyond all measure',
      tar: header('x', 2 * 1024 ** 2, 'x'),
      problem: 'more than the limit',
    },
    { what: 'a pax header of less than nothing', tar: header('x', -512, 'x'), problem: 'negative size' },
    { what: 'a long name of less than nothing', tar: header('x', -1, 'L'), problem: 'negative size' },
    { what: 'content of less than nothing', tar: header('a', -512), problem: 'negative size' },
    {
      what: 'global pax headers beyond all measure',
      tar: paxHeader('g', Array.from({ length: 101 }, (_, i) => `22 SCHILY.xattr.u${100 + i}=\n`).join('')),
      problem: 'more than 100 records',
    },
    {
      what: 'a zero byte in a link',
      tar: Buffer.concat([pax('16 linkpath=a\0b\n'), header('a', 0, '2')]),
      problem: 'zero byte',
    },
    {
      what: 'a link longer than links are',
      tar: Buffer.concat([pax(`4112 linkpath=${'x'.repeat(4097)}\n`), header('a', 0, '2')]),
      problem: 'more than the limit',
    },
    {
      what: 'a zero byte in the name of an attribute',
      tar: Buffer.concat([pax('25 SCHILY.xattr.user.\0=x\n'), header('a', 0)]),
      problem: 'zero byte',
    },
    { what: 'pax records without end', tar: pax('99 path=a\n'), problem: 'malformed' },
    { what: 'pax records without length', tar: pax('path=a\n'), problem: 'malformed' },
    {
      what: 'a pax size that is no number',
      tar: Buffer.concat([pax('12 size=abc\n'), header('a', 0)]),
      problem: 'no number',
    },
    { what: 'an unknown type', tar: header('a', 0, 'Z'), problem: 'not known' },
    {
      what: 'a sparse map outside its file',
      tar: Buffer.concat([pax('22 GNU.sparse.size=10\n27 GNU.sparse.map=5,6,20,1\n'), header('a', 7)]),
      problem: 'sparse map',
    },
  ])('refuses $what', async ({ tar, problem }) => {
    for (const read of [readAll, unpackedSomewhere, scanned]) {
      const failure = await read(tar).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(TarError);
      expect((failure as Error).message).toContain(problem);
    }
  });
});

/** A header of another type, its checksum put right. */
function header(path: string, size: number, type = '0'): Buffer {
  const block = ustarHeader(path, Math.max(0, size));
  if (size < 0) negative(size).copy(block, 124);
  block.write(type, 156);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** As base-256, where an octal number cannot be negative. */
function negative(size: number): Buffer {
  const bytes = Buffer.alloc(12, 0xff);
  bytes.writeInt32BE(size, 8);
  return bytes;
}

async function unpackedSomewhere(tar: Buffer): Promise<void> {
  await using place = await temporaryFolder();
  await applyLayer(chunks(tar), place.path, { whiteouts: 'apply', ownership: 'ignore', devices: 'skip' });
}

async function scanned(tar: Buffer): Promise<void> {
  await using place = await temporaryFolder();
  writeFileSync(join(place.path, 'tar'), tar);
  await LayerIndex.scan(join(place.path, 'tar'));
}

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function paxHeader(type: string, text: string): Buffer {
  const content = Buffer.alloc(Math.ceil(text.length / 512) * 512);
  content.write(text);
  return Buffer.concat([header('PaxHeader', text.length, type), content]);
}
