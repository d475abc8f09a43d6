import { describe, expect, it } from 'vitest';
import { InvalidPathError, PathNotFoundError, type StorageDriver } from '../../src/storage/index.js';

type Opened = AsyncDisposable & { driver: StorageDriver };

/** What every storage driver promises. */
export function describeStorageDriver(name: string, open: () => Promise<Opened>): void {
  describe(`${name} as a storage driver`, () => {
    it('reads back what it wrote, and the newer of two writes', async () => {
      await using opened = await open();
      const { driver } = opened;
      await driver.publish([{ path: '/a/b/link', bytes: Buffer.from('one') }]);
      await driver.publish([{ path: '/a/b/link', bytes: Buffer.from('two') }]);
      expect((await driver.read('/a/b/link')).toString()).toBe('two');
      expect(await driver.stat('/a/b/link')).toMatchObject({ size: 3, directory: false });
    });

    it('says what is not there', async () => {
      await using opened = await open();
      const { driver } = opened;
      expect(await driver.stat('/none')).toBeUndefined();
      await expect(driver.read('/none')).rejects.toThrow(PathNotFoundError);
      await expect(driver.open('/none')).rejects.toThrow(PathNotFoundError);
      await expect(driver.publish([{ path: '/some', from: '/none' }])).rejects.toThrow(PathNotFoundError);
      await driver.delete('/none');
      expect(await names(driver, '/none')).toEqual([]);
    });

    it('appends where the file ended, also after it was closed', async () => {
      await using opened = await open();
      const { driver } = opened;
      {
        await using writer = await driver.append('/up/data');
        await writer.append([Buffer.from('ab'), Buffer.from('cd')]);
        expect(writer.size).toBe(4);
      }
      const writer = await driver.append('/up/data');
      expect(writer.size).toBe(4);
      await writer.append([Buffer.from('ef')]);
      await writer[Symbol.asyncDispose]();
      await driver.publish([{ path: '/final', from: '/up/data' }]);
      expect((await driver.read('/final')).toString()).toBe('abcdef');
    });

    it('looks at many files at once, where it knows how', async () => {
      await using opened = await open();
      const { driver } = opened;
      await driver.publish(
        [...Array(1100).keys()].map((i) => ({
          path: `/many/${i}/link`,
          bytes: Buffer.from(`n${i}`),
          durable: false,
        })),
      );
      await driver.publish([
        { path: '/large', bytes: Buffer.from('0123456789') },
        { path: '/empty', bytes: Buffer.alloc(0) },
      ]);
      if (!driver.gather) return;
      const all = await driver.gather(['/many', '/none', '/large', '/empty'], { readUpTo: 9 });
      expect(all).toHaveLength(1102);
      const byPath = new Map(all.map((file) => [file.path, file]));
      for (const i of [0, 7, 1099]) {
        const { bytes, modifiedAt, size } = byPath.get(`/many/${i}/link`) ?? {};
        expect({ text: Buffer.from(bytes ?? []).toString(), size }).toEqual({
          text: `n${i}`,
          size: `n${i}`.length,
        });
        expect(modifiedAt).toEqual((await driver.stat(`/many/${i}/link`))?.modifiedAt);
      }
      expect(byPath.get('/large')).not.toHaveProperty('bytes');
      expect(byPath.get('/large')).toMatchObject({ size: 10 });
      expect(byPath.get('/empty')?.bytes).toHaveLength(0);
      for (const { size, bytes } of await driver.gather(['/large', '/many/1'], { readUpTo: 0 }))
        expect({ size, bytes }).toEqual({ size: size === 10 ? 10 : 2, bytes: undefined });
    });

    it('lists many directories at once, where it knows how', async () => {
      await using opened = await open();
      const { driver } = opened;
      for (const path of ['/d/b', '/d/a.x', '/d/a', '/d/sub/deep', '/e/only', '/file'])
        await driver.publish([{ path, bytes: Buffer.from('x') }]);
      if (!driver.listAll) return;
      expect(await driver.listAll(['/e', '/none', '/d', '/file'])).toEqual([
        ['only'],
        [],
        ['a', 'a.x', 'b', 'sub'],
        [],
      ]);
      expect(await driver.listAll([])).toEqual([]);
    });

    it('makes an empty file by appending nothing', async () => {
      await using opened = await open();
      const { driver } = opened;
      {
        await using _writer = await driver.append('/empty');
      }
      expect(await driver.appended('/empty')).toMatchObject({ size: 0 });
      await driver.publish([{ path: '/published', from: '/empty' }]);
      expect(await driver.stat('/published')).toMatchObject({ size: 0 });
    });

    it('reads a range in order into the buffer it is given', async () => {
      await using opened = await open();
      const { driver } = opened;
      await driver.publish([{ path: '/f', bytes: Buffer.from('0123456789') }]);
      await using reader = await driver.open('/f', { start: 2, end: 9 });
      const buffer = Buffer.alloc(4);
      expect(reader).toMatchObject({ size: 7, fileSize: 10 });
      expect(buffer.toString('utf8', 0, await reader.read(buffer))).toBe('2345');
      expect(buffer.toString('utf8', 0, await reader.read(buffer))).toBe('678');
      expect(await reader.read(buffer)).toBe(0);
    });

    it('lends what it reads where it can, until it is asked for more', async () => {
      await using opened = await open();
      const { driver } = opened;
      await driver.publish([{ path: '/f', bytes: Buffer.from('0123456789') }]);
      await using reader = await driver.open('/f', { start: 2, end: 9 });
      if (reader.take === undefined) return;
      let text = '';
      for (let piece = await reader.take(); piece.byteLength > 0; piece = await reader.take())
        text += Buffer.from(piece).toString();
      expect(text).toBe('2345678');
      expect((await reader.take()).byteLength).toBe(0);
    });

    it('lists one level in byte order, after a name', async () => {
      await using opened = await open();
      const { driver } = opened;
      for (const path of ['/d/b', '/d/B', '/d/a-1', '/d/a', '/d/a.x', '/d/sub/deep']) {
        await driver.publish([{ path: path, bytes: Buffer.from('x') }]);
      }
      expect(await names(driver, '/d')).toEqual(['B', 'a', 'a-1', 'a.x', 'b', 'sub/']);
      expect(await names(driver, '/d', 'a-1')).toEqual(['a.x', 'b', 'sub/']);
    });

    it('puts what was appended in the place of another file', async () => {
      await using opened = await open();
      const { driver } = opened;
      await append(driver, '/up/from', 'new');
      await driver.publish([{ path: '/x/to', bytes: Buffer.from('old') }]);
      await driver.publish([{ path: '/x/to', from: '/up/from' }]);
      expect((await driver.read('/x/to')).toString()).toBe('new');
      await driver.delete('/up', { unpublished: true });
      expect(await driver.appended('/up/from')).toBeUndefined();
      expect((await driver.read('/x/to')).toString()).toBe('new');
    });

    it('reads what is being appended to, which then goes on', async () => {
      await using opened = await open();
      const { driver } = opened;
      expect(await driver.appended('/up/data')).toBeUndefined();
      await append(driver, '/up/data', 'abc');
      expect(await driver.appended('/up/data')).toMatchObject({ size: 3, directory: false });
      {
        await using reader = await driver.open('/up/data', { start: 0, end: 3 });
        expect(reader).toMatchObject({ size: 3, fileSize: 3 });
        const buffer = Buffer.alloc(9);
        expect(buffer.toString('utf8', 0, await reader.read(buffer))).toBe('abc');
      }
      await append(driver, '/up/data', 'def');
      await driver.publish([{ path: '/final', from: '/up/data' }]);
      expect((await driver.read('/final')).toString()).toBe('abcdef');
    });

    it('forgets what was appended and then deleted', async () => {
      await using opened = await open();
      const { driver } = opened;
      await append(driver, '/up/data', 'old');
      await driver.delete('/up', { durable: false, unpublished: true });
      await append(driver, '/up/data', 'new');
      await driver.publish([{ path: '/final', from: '/up/data' }]);
      expect((await driver.read('/final')).toString()).toBe('new');
    });

    it('publishes files of several stages, and all or nothing where one cannot be read', async () => {
      await using opened = await open();
      const { driver } = opened;
      const file = (path: string) => ({ path, bytes: Buffer.from(path) });
      await driver.publish([file('/a/1'), file('/b/deep/2')], [], [file('/a/3')]);
      expect(await names(driver, '/a')).toEqual(['1', '3']);
      expect((await driver.read('/b/deep/2')).toString()).toBe('/b/deep/2');
      await Promise.all(Array.from({ length: 20 }, (_, i) => driver.publish([file(`/new/${i % 3}/${i}`)])));
      expect(await names(driver, '/new')).toEqual(['0/', '1/', '2/']);
      await expect(driver.publish([file('/c/1')], [{ path: '/c/2', from: '/none' }])).rejects.toThrow(
        PathNotFoundError,
      );
      expect(await driver.stat('/c/2')).toBeUndefined();
    });

    it.each([{ durable: true }, { durable: false }])(
      'deletes many at once, durable: $durable',
      async (options) => {
        await using opened = await open();
        const { driver } = opened;
        const paths = Array.from({ length: 20 }, (_, i) => `/many/${i}`);
        const files = paths.flatMap((path, i) => (i % 2 === 0 ? [path] : [`${path}/a`, `${path}/b/c`]));
        await driver.publish([...files, '/many/1-beside'].map((path) => ({ path, bytes: Buffer.from('x') })));
        await driver.deleteAll(['/many/none', '/none/of/these', ...paths], options);
        expect(await Array.fromAsync(driver.list('/many'), ({ name }) => name)).toEqual(['1-beside']);
        await driver.deleteAll([]);
      },
    );

    it('deletes many files at once, each with its directory unless there is more in it', async () => {
      await using opened = await open();
      const { driver } = opened;
      const paths = Array.from({ length: 20 }, (_, i) => `/files/${i}/link`);
      await driver.publish([...paths, '/files/7/more'].map((path) => ({ path, bytes: Buffer.from('abc') })));
      const early = { changedBefore: new Date(Date.now() - 60_000) };
      expect(await driver.deleteFiles(['/files/0/link', '/none/link'], early)).toEqual([
        undefined,
        undefined,
      ]);
      expect((await names(driver, '/files')).length).toBe(20);
      const late = { changedBefore: new Date(Date.now() + 60_000) };
      const sizes = await driver.deleteFiles(['/files/0/link', '/none/link', '/files/1/link'], late);
      expect(sizes).toEqual([3, undefined, 3]);
      await driver.deleteFiles(['/none/link', ...paths]);
      expect(await names(driver, '/files')).toEqual(['7/']);
      expect(await names(driver, '/files/7')).toEqual(['more']);
      expect(await driver.deleteFiles([])).toEqual([]);
    });

    it('deletes a directory with everything below it, and nothing beside it', async () => {
      await using opened = await open();
      const { driver } = opened;
      await driver.publish([{ path: '/d/a/1', bytes: Buffer.from('x') }]);
      await driver.publish([{ path: '/d/ab', bytes: Buffer.from('x') }]);
      await driver.delete('/d/a');
      expect(await names(driver, '/d')).toEqual(['ab']);
    });

    it.each(['/../etc/passwd', '/a/../../b', '/a//b', 'a', '/a/', '/a\0b', '/a b', '/./a'])(
      'refuses %j as a path',
      async (path) => {
        await using opened = await open();
        await expect(opened.driver.read(path)).rejects.toThrow(InvalidPathError);
      },
    );
  });
}

async function append(driver: StorageDriver, path: string, text: string): Promise<void> {
  await using writer = await driver.append(path);
  await writer.append([Buffer.from(text)]);
}

/** Directories end in a slash. */
async function names(driver: StorageDriver, path: string, after?: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, directory } of driver.list(path, after ? { after } : {})) {
    found.push(directory ? `${name}/` : name);
  }
  return found;
}
