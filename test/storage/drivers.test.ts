import { lstatSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FilesystemDriver, MemoryDriver, StorageUnavailableError } from '../../src/storage/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { describeStorageDriver } from './contract.js';

describeStorageDriver('filesystem', async () => {
  const folder = await temporaryFolder();
  return {
    driver: await FilesystemDriver.open(folder.path),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});
describeStorageDriver('memory', async () => ({
  driver: new MemoryDriver(),
  async [Symbol.asyncDispose]() {},
}));

describe('FilesystemDriver', () => {
  it('leaves nothing behind but the file', async () => {
    await using folder = await temporaryFolder();
    const driver = await FilesystemDriver.open(folder.path);
    await driver.publish([{ path: '/a/link', bytes: Buffer.from('x') }]);
    expect(await readdir(join(folder.path, 'a'))).toEqual(['link']);
    expect(await readdir(join(folder.path, 'berth/tmp'))).toEqual([]);
  });

  it('removes what a crash left, once it is old enough', async () => {
    await using folder = await temporaryFolder();
    const driver = await FilesystemDriver.open(folder.path);
    await mkdir(join(folder.path, 'berth/tmp'), { recursive: true });
    await writeFile(join(folder.path, 'berth/tmp/1.tmp'), 'half');
    await driver.removeLeftovers(new Date(0));
    expect(await readdir(join(folder.path, 'berth/tmp'))).toEqual(['1.tmp']);
    expect(await Array.fromAsync(driver.leftovers(new Date(0)))).toEqual([]);
    const later = new Date(Date.now() + 1000);
    expect(await Array.fromAsync(driver.leftovers(later))).toEqual(['/berth/tmp/1.tmp']);
    await driver.removeLeftovers(later);
    expect(await readdir(join(folder.path, 'berth/tmp'))).toEqual([]);
  });

  it('lists a linked directory as a directory', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'd'));
    await symlink('/', join(folder.path, 'd/elsewhere'));
    const driver = await FilesystemDriver.open(folder.path);
    const entries = await Array.fromAsync(driver.list('/d'));
    expect(entries).toEqual([{ name: 'elsewhere', directory: true }]);
  });

  it.each([
    { root: '/proc/nothing/can/be/made', code: 'ENOENT' },
    { root: '/dev/null', code: 'ENOTDIR' },
    { root: '/dev/null/below', code: 'ENOTDIR' },
  ])('says at once that $root cannot be a root', ({ root, code }) =>
    expect(FilesystemDriver.open(root)).rejects.toMatchObject({ code }),
  );

  it('makes its root with all directories above it', async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'a/b/c');
    const driver = await FilesystemDriver.open(root);
    await driver.publish([{ path: '/link', bytes: Buffer.from('x') }]);
    expect(await readdir(root)).toEqual(['berth', 'link']);
  });

  it.each([
    { what: 'removed', become: () => {} },
    { what: 'a file', become: (root: string) => writeFileSync(root, '') },
  ])('says that its root is $what by now, and makes none in its place', async ({ become }) => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'root');
    const driver = await FilesystemDriver.open(root);
    expect(await Array.fromAsync(driver.list('/'))).toEqual([]);
    rmSync(root, { recursive: true });
    become(root);
    const before = lstatSync(root, { throwIfNoEntry: false })?.ino;
    const gone = new StorageUnavailableError('the root directory of the storage is gone');
    await expect(Array.fromAsync(driver.list('/'))).rejects.toThrow(gone);
    await expect(driver.publish([{ path: '/a/b', bytes: Buffer.from('x') }])).rejects.toThrow(gone);
    await expect(driver.publish([{ path: '/a', bytes: Buffer.from('x') }])).rejects.toThrow(gone);
    await expect(driver.append('/a/c')).rejects.toThrow(gone);
    expect(lstatSync(root, { throwIfNoEntry: false })?.ino).toBe(before);
  });
});
