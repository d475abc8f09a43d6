import { createHash } from 'node:crypto';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Entry, FileChangedError, LayerError, LayerWriter } from '../../src/layer/index.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { directoryEntry, fileEntry, hardlinkEntry, readAll, symlinkEntry, writeLayer } from './tree.js';

let folder: TemporaryFolder;
let count = 0;
const newPath = () => {
  count += 1;
  return join(folder.path, `${count}.tar`);
};

beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const LONG = `${'directory/'.repeat(12)}file`;
const VERY_LONG = `${'x'.repeat(200)}/${'y'.repeat(200)}`;
const ENTRIES: readonly (Entry | [Entry, string])[] = [
  directoryEntry('etc', { mode: 0o1777, mtime: 0 }),
  [fileEntry('etc/motd', 0, { uid: 1000, gid: 2000, mode: 0o4755 }), 'hello\n'],
  hardlinkEntry('etc/motd2', 'etc/motd'),
  symlinkEntry('etc/link', '../usr/größe'),
  symlinkEntry('etc/long', 'z'.repeat(101)),
  { ...fileEntry('dev-null', 0), type: 'character', device: { major: 1, minor: 3 } },
  { ...fileEntry('dev-loop', 0), type: 'block', device: { major: 7, minor: 255 } },
  { ...fileEntry('pipe', 0), type: 'fifo' },
  [fileEntry(LONG, 0), 'ustar prefix'],
  [fileEntry(VERY_LONG, 0), 'pax path'],
  [fileEntry('größe', 0, { uid: 3_000_000, gid: 4_000_000_000 }), 'ü'],
  [fileEntry('old', 0, { mtime: -5 }), ''],
  [fileEntry('late', 0, { mtime: 9_000_000_000 }), ''],
  [
    fileEntry('xattr', 0, {
      xattrs: new Map([
        ['user.b', Buffer.from([0, 10, 255])],
        ['user.a', Buffer.from('=\n')],
      ]),
    }),
    'a',
  ],
];

describe('LayerWriter', () => {
  it('hashes what it writes', async () => {
    const { diffID, size, path } = await writeLayer(newPath(), ENTRIES);
    const bytes = readFileSync(path);
    expect(bytes.length).toBe(size);
    expect(diffID).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  });

  it.each([{ breathes: false }, { breathes: true }])(
    'writes more than it buffers: $breathes',
    async ({ breathes }) => {
      const writer = LayerWriter.create(newPath());
      for (let i = 0; i < 60; i += 1) {
        const content = Buffer.alloc(i * 9973, `file ${i}`);
        writer.add(fileEntry(`f${i}`, content.length), content);
        if (breathes) await setImmediate();
      }
      const { diffID, size } = await writer.finish();
      const bytes = readFileSync(writer.path);
      expect(bytes.length).toBe(size);
      expect(diffID).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
      expect((await readAll(bytes, 100_000)).map(({ content }) => content.length)).toEqual(
        Array.from({ length: 60 }, (_, i) => i * 9973),
      );
    },
  );

  it('leaves nothing when it is given up with bytes on their way', async () => {
    const writer = LayerWriter.create(newPath());
    const content = Buffer.alloc(3 * 1024 * 1024);
    writer.add(fileEntry('a', content.length / 4), content.subarray(0, content.length / 4));
    writer.add(fileEntry('b', content.length / 4), content.subarray(0, content.length / 4));
    writer.abort();
    expect(existsSync(writer.path)).toBe(false);
    await setImmediate();
    expect(existsSync(writer.path)).toBe(false);
  });

  it('makes an empty layer of 1,024 zeros, as others do', async () => {
    expect((await writeLayer(newPath(), [])).diffID).toBe(
      'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
    );
  });

  it('is read back by our reader', async () => {
    const { path } = await writeLayer(newPath(), ENTRIES);
    const found = await readAll(readFileSync(path));
    expect(found.map(({ entry }) => entry)).toEqual(
      ENTRIES.map((item) => ('path' in item ? item : { ...item[0], size: Buffer.byteLength(item[1]) })).map(
        (entry) => (entry.xattrs ? { ...entry, xattrs: new Map([...entry.xattrs].sort()) } : entry),
      ),
    );
    expect(found.find(({ entry }) => entry.path === LONG)?.content).toBe('ustar prefix');
  });

  it('is read by GNU tar', async () => {
    const { path } = await writeLayer(newPath(), ENTRIES);
    const listing = await run(
      ['tar', '--list', '--verbose', '--numeric-owner', '--full-time', '--utc', '-f', path],
      {
        env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
      },
    );
    const lines = listing.trim().split('\n');
    expect(lines).toHaveLength(ENTRIES.length);
    expect(lines[0]).toMatch(/^drwxrwxrwt 0\/0 +0 1970-01-01 00:00:00 etc\/$/);
    expect(lines[1]).toMatch(/^-rwsr-xr-x 1000\/2000 +6 2023-11-14 22:13:20 etc\/motd$/);
    expect(lines[2]).toMatch(/^h.* etc\/motd2 link to etc\/motd$/);
    expect(lines[4]).toContain(`etc/long -> ${'z'.repeat(101)}`);
    expect(lines[5]).toMatch(/^crw-r--r-- 0\/0 +1,3 /);
    expect(lines[6]).toMatch(/^brw-r--r-- 0\/0 +7,255 /);
    expect(lines[8]).toContain(LONG);
    expect(lines[9]).toContain(VERY_LONG);
    expect(lines[11]).toContain('1969-12-31 23:59:55');
    expect(lines[12]).toContain('2255-03-14 16:00:00');
  });

  it('is read by Python', async () => {
    const { path } = await writeLayer(newPath(), ENTRIES);
    const script = `
import tarfile, json, sys
print(json.dumps([[m.name, m.type.decode(), m.mode, m.uid, m.gid, m.size, int(m.mtime), m.linkname, m.uname, m.gname]
  for m in tarfile.open(sys.argv[1])]))`;
    const found = JSON.parse(await run(['python3', '-c', script, path])) as unknown[][];
    const flags = {
      file: '0',
      hardlink: '1',
      symlink: '2',
      character: '3',
      block: '4',
      directory: '5',
      fifo: '6',
    };
    expect(found).toEqual(
      ENTRIES.map((item) => ('path' in item ? item : { ...item[0], size: Buffer.byteLength(item[1]) })).map(
        (entry) => [
          entry.path,
          flags[entry.type],
          entry.mode,
          entry.uid,
          entry.gid,
          entry.size,
          entry.mtime,
          entry.linkName ?? '',
          '',
          '',
        ],
      ),
    );
  });

  it('writes sizes beyond octal numbers by pax', async () => {
    const path = newPath();
    const writer = LayerWriter.create(path);
    expect(() => writer.add(fileEntry('huge', 2 ** 33 + 1))).toThrow(LayerError);
    writer.abort();
    expect(() => readFileSync(path)).toThrow('ENOENT');
  });

  it('gives the same bytes for files, chunks and buffers', async () => {
    const source = join(folder.path, 'source');
    const content = Buffer.alloc(3_000_001, 'berth');
    writeFileSync(source, content);
    const entry = fileEntry('file', content.length);
    async function* chunks() {
      for (let at = 0; at < content.length; at += 70_001) yield content.subarray(at, at + 70_001);
    }
    const seen = createHash('sha256');
    const layers = await Promise.all(
      [
        (writer: LayerWriter) => writer.add(entry, content),
        (writer: LayerWriter) =>
          writer.addFile(entry, source, { onChunk: (chunk) => void seen.update(chunk) }),
        (writer: LayerWriter) => writer.addLargeFile(entry, source),
        (writer: LayerWriter) => writer.addFrom(entry, chunks()),
        (writer: LayerWriter) => writer.addChunks(entry, [content.subarray(0, 5), content.subarray(5)]),
      ].map(async (add) => {
        const writer = LayerWriter.create(newPath());
        writer.add(directoryEntry('before'));
        await add(writer);
        writer.add(directoryEntry('later'));
        return (await writer.finish()).diffID;
      }),
    );
    expect(new Set(layers).size).toBe(1);
    expect(seen.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it.each([
    { change: 'grew', size: 9 },
    { change: 'shrank', size: 11 },
  ])('refuses a file that $change since it was listed', ({ size }) => {
    const source = join(folder.path, 'changing');
    writeFileSync(source, '0123456789');
    const writer = LayerWriter.create(newPath());
    expect(() => writer.addFile(fileEntry('a', size), source)).toThrow(FileChangedError);
    writer.abort();
    truncateSync(source, 0);
  });

  it('keeps every name, also one that is no UTF-8', async () => {
    const names = ['plain', 'größe', '\udcff\udc80x', 'a\udce4b', '\u{1f600}', '\ufffd'];
    const { path } = await writeLayer(
      newPath(),
      names.map((name) => [fileEntry(name, 0), name]),
    );
    expect((await readAll(readFileSync(path))).map(({ entry }) => entry.path)).toEqual(names);
    const listing = await run([
      'python3',
      '-c',
      'import tarfile,sys;print(ascii(tarfile.open(sys.argv[1]).getnames()))',
      path,
    ]);
    expect(listing).toContain(`'\\udcff\\udc80x', 'a\\udce4b'`);
  });

  it('brings any entries through', async () => {
    const part = fc
      .string({ minLength: 1, maxLength: 60, unit: 'grapheme' })
      .filter(
        (name) => !/[/\0]|^\.{1,2}$/.test(name) && name.isWellFormed() && Buffer.byteLength(name) < 255,
      );
    const path = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('/'));
    const id = fc.oneof(fc.nat(70_000), fc.nat(0xffff_ffff));
    const common = {
      path,
      mode: fc.nat(0o7777),
      uid: id,
      gid: id,
      mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    };
    const value = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    const xattr = fc.tuple(fc.stringMatching(/^user\.[a-z.]{1,20}$/), value);
    const xattrs = fc.array(xattr, { minLength: 1, maxLength: 3 }).map((pairs) => new Map(pairs));
    const file = fc.record(
      { ...common, type: fc.constant('file' as const), content: fc.string({ maxLength: 2000 }), xattrs },
      {
        requiredKeys: ['path', 'mode', 'uid', 'gid', 'mtime', 'type', 'content'],
      },
    );
    const link = fc.record({ ...common, type: fc.constantFrom('symlink', 'hardlink'), linkName: path });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(file, link), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5000 }),
        async (items, chunkSize) => {
          const entries = items.map((item) => {
            const { content = '', ...rest } = { content: undefined, ...item };
            return [{ ...rest, size: Buffer.byteLength(content ?? '') } as Entry, content ?? ''] as const;
          });
          const { path: tar } = await writeLayer(newPath(), entries);
          const found = await readAll(readFileSync(tar), chunkSize);
          expect(found).toEqual(
            entries.map(([entry, content]) => ({ entry, content: Buffer.from(content).toString('latin1') })),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});
