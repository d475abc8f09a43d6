import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Blobs, ContentNotFoundError, layout } from '../../src/content/index.js';
import { digestOf } from '../../src/oci/index.js';
import { MemoryDriver } from '../../src/storage/index.js';

const hello = digestOf('sha256', createHash('sha256').update('hello').digest('hex'));

class CountingDriver extends MemoryDriver {
  stats = 0;

  override stat(path: string) {
    this.stats += 1;
    return super.stat(path);
  }
}

async function open(rememberMs: number, alone = true) {
  const driver = new CountingDriver();
  await driver.publish([{ path: layout.blobPath(hello), bytes: Buffer.from('hello') }]);
  return { driver, blobs: new Blobs(driver, { rememberMs, alone }) };
}

describe('Blobs', () => {
  it.each([
    { rememberMs: 0, asked: 3 },
    { rememberMs: 60_000, asked: 1 },
  ])('remembers for $rememberMs ms that a blob was there', async ({ rememberMs, asked }) => {
    const { driver, blobs } = await open(rememberMs);
    for (let i = 0; i < 3; i += 1) expect(await blobs.stat(hello)).toBe(5);
    expect(driver.stats).toBe(asked);
  });

  it('never remembers that one was absent, nor one that is gone', async () => {
    const { driver, blobs } = await open(60_000);
    expect(await blobs.stat(hello)).toBe(5);
    await driver.delete(layout.blobPath(hello));
    await expect(blobs.open(hello)).rejects.toThrow(ContentNotFoundError);
    expect(await blobs.stat(hello)).toBeUndefined();
    await driver.publish([{ path: layout.blobPath(hello), bytes: Buffer.from('hello') }]);
    expect(await blobs.stat(hello)).toBe(5);
    await blobs.remove([hello]);
    expect(await blobs.stat(hello)).toBeUndefined();
  });

  it.each([
    { alone: true, found: 5 },
    { alone: false, found: undefined },
  ])('looks again for who must know, where another process may have removed it: $found', async (of) => {
    const { driver, blobs } = await open(60_000, of.alone);
    expect(await blobs.stat(hello)).toBe(5);
    await driver.delete(layout.blobPath(hello));
    expect(await blobs.statNow(hello)).toBe(of.found);
    expect(await blobs.stat(hello)).toBe(of.found);
  });
});
