import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StatCache } from '../../../src/builder/index.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const VERSION = { dev: 1n, ino: 2n, size: 3n, mtimeNs: 1_700_000_000_123_456_789n, ctimeNs: -4n };
const DIGEST = '0a'.repeat(32);
const NAMES = ['a', 'ä/\udc80', '__proto__', 'directory'];

function fill(file: string): void {
  const cache = new StatCache(file);
  for (const name of NAMES.slice(0, 3)) cache.set(name, VERSION, { digest: DIGEST, xattrs: '' });
  cache.set('directory', VERSION, { digest: '', xattrs: '[["user.a","YQ=="]]' });
  cache.save();
}

describe('StatCache', () => {
  it('remembers, and knows versions apart', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'contexts', 'stats');
    fill(file);
    const cache = new StatCache(file);
    expect(NAMES.map((name) => cache.find(name, VERSION)?.digest)).toEqual([DIGEST, DIGEST, DIGEST, '']);
    expect(NAMES.map((name) => cache.find(name, VERSION)?.xattrs)).toEqual([
      '',
      '',
      '',
      '[["user.a","YQ=="]]',
    ]);
    expect(cache.find('b', VERSION)?.digest).toBeUndefined();
    for (const field of Object.keys(VERSION) as (keyof typeof VERSION)[]) {
      expect(cache.find('a', { ...VERSION, [field]: VERSION[field] + 1n })?.digest).toBeUndefined();
    }
  });

  it('takes what is new, and keeps the rest', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'stats');
    fill(file);
    const cache = new StatCache(file);
    const newer = { ...VERSION, ino: 9n };
    cache.set('a', newer, { digest: 'ff'.repeat(32), xattrs: '' });
    expect(cache.find('a', VERSION)?.digest).toBeUndefined();
    cache.save();
    const again = new StatCache(file);
    expect(again.find('a', newer)?.digest).toBe('ff'.repeat(32));
    expect(again.find('__proto__', VERSION)?.digest).toBe(DIGEST);
  });

  it.each([
    { damage: 'cut short', harm: (file: string) => truncateSync(file, 200) },
    {
      damage: 'changed in one byte',
      harm: (file: string) => writeFileSync(file, readFileSync(file).fill(0xa5, 200, 201)),
    },
    { damage: 'of an earlier Berth', harm: (file: string) => writeFileSync(file, '{"format":1,"paths":""}') },
    { damage: 'empty', harm: (file: string) => truncateSync(file, 0) },
  ])('knows nothing when its file is $damage', async ({ harm }) => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'stats');
    fill(file);
    harm(file);
    const cache = new StatCache(file);
    expect(cache.find('a', VERSION)?.digest).toBeUndefined();
    cache.set('a', VERSION, { digest: DIGEST, xattrs: '' });
    cache.save();
    expect(new StatCache(file).find('a', VERSION)?.digest).toBe(DIGEST);
  });
});
