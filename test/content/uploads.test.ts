import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  Blobs,
  type Chunk,
  DigestMismatchError,
  HashPool,
  layout,
  publicationOf,
  UploadBusyError,
  UploadNotFoundError,
  UploadOffsetError,
  Uploads,
  type VerifiedUpload,
} from '../../src/content/index.js';
import { LocalLocks, type Locks } from '../../src/locks/index.js';
import {
  type Digest,
  digestOf,
  type HashAlgorithm,
  parseDigest,
  parseRepositoryName,
} from '../../src/oci/index.js';
import { MemoryDriver, type StorageDriver } from '../../src/storage/index.js';

const repository = parseRepositoryName('team/app');

describe('Uploads', () => {
  it('turns one body into content', async () => {
    await using opened = open();
    const { uploads, blobs } = opened;
    const { id } = await uploads.start(repository);
    const finished = await finish(opened, id, digest('hello'), chunk('hello'));
    expect(finished).toEqual({ canonical: digest('hello'), size: 5 });
    expect((await blobs.read(digest('hello'))).toString()).toBe('hello');
    await expect(uploads.get(repository, id)).rejects.toThrow(UploadNotFoundError);
  });

  it('takes chunks, and an end without a body', async () => {
    await using opened = open();
    const { uploads, blobs } = opened;
    const { id } = await uploads.start(repository);
    expect(await uploads.append(repository, id, chunk('he', 0))).toBe(2);
    expect(await uploads.append(repository, id, chunk('llo', 2))).toBe(5);
    await finish(opened, id, digest('hello'));
    expect(await blobs.stat(digest('hello'))).toBe(5);
  });

  it('knows when each began', async () => {
    await using opened = open();
    const { uploads } = opened;
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { id } = await uploads.start(repository);
    const startedAt = (await uploads.startedAt(repository, id))?.getTime();
    expect(startedAt).toBeGreaterThanOrEqual(before);
    expect(startedAt).toBeLessThanOrEqual(Date.now());
    for (const other of ['none', '..', '../app', ''])
      expect(await uploads.startedAt(repository, other)).toBeUndefined();
  });

  it('hashes long bodies the same as short ones', async () => {
    await using opened = open();
    const bytes = Buffer.alloc(5 * 1024 * 1024 + 17, 'berth ');
    const { id } = await opened.uploads.start(repository);
    const finished = await finish(opened, id, digest(bytes), {
      source: pieces(bytes, 65_536),
    });
    expect(finished.size).toBe(bytes.length);
    expect(await opened.blobs.read(digest(bytes))).toEqual(bytes);
  });

  it('gives the memory of a long body to the thread that hashes it', async () => {
    await using opened = open();
    const chunks = Array.from({ length: 20 }, (_, i) => Buffer.alloc(65_536, `chunk ${i} `));
    const bytes = Buffer.concat(chunks);
    const { id } = await opened.uploads.start(repository);
    const source = (async function* () {
      yield* chunks;
    })();
    await finish(opened, id, digest(bytes), { source });
    expect(await opened.blobs.read(digest(bytes))).toEqual(bytes);
    expect(chunks.map(({ length }) => length)).toEqual(chunks.map(() => 0));
  });

  it('goes on in another process from what the file holds', async () => {
    const driver = new MemoryDriver();
    await using before = open(driver);
    const { id } = await before.uploads.start(repository);
    await before.uploads.append(repository, id, chunk('he'));
    await using opened = open(driver);
    expect((await opened.uploads.get(repository, id)).offset).toBe(2);
    await finish(opened, id, digest('hello'), chunk('llo', 2));
    expect((await opened.blobs.read(digest('hello'))).toString()).toBe('hello');
  });

  it('refuses a chunk that is out of order, and goes on from where it was', async () => {
    await using opened = open();
    const { uploads } = opened;
    const { id } = await uploads.start(repository);
    await uploads.append(repository, id, chunk('he'));
    await expect(uploads.append(repository, id, chunk('llo', 3))).rejects.toThrow(UploadOffsetError);
    await expect(finish(opened, id, digest('hello'), chunk('llo', 1))).rejects.toMatchObject({
      name: 'UploadOffsetError',
      offset: 2,
    });
    expect(await finish(opened, id, digest('hello'), chunk('llo', 2))).toMatchObject({ size: 5 });
  });

  it('keeps nothing when the digest does not match', async () => {
    const driver = new MemoryDriver();
    await using opened = open(driver);
    const { id } = await opened.uploads.start(repository);
    await expect(finish(opened, id, digest('other'), chunk('hello'))).rejects.toThrow(DigestMismatchError);
    expect(await Array.fromAsync(driver.list(layout.uploadsPath(repository)))).toEqual([]);
    expect(await opened.blobs.stat(digest('hello'))).toBeUndefined();
  });

  it('verifies sha512, and stores under sha256', async () => {
    await using opened = open();
    const { id } = await opened.uploads.start(repository);
    await opened.uploads.append(repository, id, chunk('hello'));
    const finished = await finish(opened, id, digest('hello', 'sha512'));
    expect(finished.canonical).toBe(digest('hello'));
    expect(await opened.blobs.stat(digest('hello'))).toBe(5);
  });

  it('refuses a digest it cannot compute', async () => {
    await using opened = open();
    const { id } = await opened.uploads.start(repository);
    await expect(finish(opened, id, parseDigest('md5:abc'))).rejects.toMatchObject({
      code: 'DIGEST_INVALID',
    });
  });

  it('waits for a request that is ending', async () => {
    await using opened = open();
    const { uploads } = opened;
    const { id } = await uploads.start(repository);
    const { body, gate } = halted('he');
    const first = uploads.append(repository, id, body);
    const second = uploads.append(repository, id, chunk('llo', 2));
    gate.resolve();
    expect(await Promise.all([first, second])).toEqual([2, 5]);
  });

  it('says where to go on behind what a request that is ending has brought', async () => {
    await using opened = open();
    const { uploads } = opened;
    const { id } = await uploads.start(repository);
    const { body, gate } = halted('he');
    const first = uploads.append(repository, id, body);
    const where = uploads.settled(repository, id);
    gate.resolve();
    expect(await first).toBe(2);
    expect(await where).toEqual({ repository, id, offset: 2 });
    await expect(uploads.settled(repository, id.replace(/^./, '!'))).rejects.toThrow(UploadNotFoundError);
  });

  it('says how far one is that goes on for long', async () => {
    await using opened = open(new MemoryDriver(), undefined, 50);
    const { uploads } = opened;
    const { id } = await uploads.start(repository);
    const { body, gate } = halted('he');
    const first = uploads.append(repository, id, body);
    expect(await uploads.settled(repository, id)).toMatchObject({ id });
    gate.resolve();
    await first;
  });

  it('lets one request at a time write', async () => {
    await using opened = open(new MemoryDriver(), undefined, 50);
    const { uploads } = opened;
    const { id } = await uploads.start(repository);
    const { body, gate } = halted('he');
    const first = uploads.append(repository, id, body);
    await expect(uploads.append(repository, id, chunk('xx'))).rejects.toThrow(UploadBusyError);
    gate.resolve();
    expect(await first).toBe(2);
  });

  it('keeps what came before a body broke off', async () => {
    await using opened = open();
    const { uploads } = opened;
    const { id } = await uploads.start(repository);
    const broken = (async function* () {
      yield Buffer.from('he');
      throw new Error('gone');
    })();
    await expect(uploads.append(repository, id, { source: broken })).rejects.toThrow('gone');
    expect(await finish(opened, id, digest('hello'), chunk('llo', 2))).toMatchObject({ size: 5 });
  });

  it('forgets a cancelled upload with its bytes', async () => {
    const driver = new MemoryDriver();
    await using opened = open(driver);
    const { id } = await opened.uploads.start(repository);
    await opened.uploads.append(repository, id, chunk('he'));
    await opened.uploads.cancel(repository, id);
    await expect(opened.uploads.get(repository, id)).rejects.toThrow(UploadNotFoundError);
    expect(await driver.stat(layout.uploadPath(repository, id))).toBeUndefined();
  });

  it.each(['..', '.', '../../x', 'a/b', '', 'x'.repeat(200)])('knows no upload %j', async (id) => {
    await using opened = open();
    await expect(opened.uploads.get(repository, id)).rejects.toThrow(UploadNotFoundError);
  });
});

describe('Uploads of two processes', () => {
  it('go on in either, and end in the other without being read again', async () => {
    const driver = new MemoryDriver();
    const locks = new LocalLocks();
    await using one = open(driver, locks);
    await using other = open(driver, locks);
    const { id } = await one.uploads.start(repository);
    expect(await one.uploads.append(repository, id, chunk('he', 0))).toBe(2);
    expect(await other.uploads.append(repository, id, chunk('llo', 2))).toBe(5);
    const opened: string[] = [];
    const { open: openFile } = driver;
    driver.open = (path, range) => {
      opened.push(path);
      return openFile.call(driver, path, range);
    };
    await finish(one, id, digest('hello'));
    expect(opened).toEqual([]);
    expect((await one.blobs.read(digest('hello'))).toString()).toBe('hello');
  });

  it('are told apart from what was hashed before the last chunk', async () => {
    const driver = new MemoryDriver();
    const locks = new LocalLocks();
    await using one = open(driver, locks);
    const { id } = await one.uploads.start(repository);
    await one.uploads.append(repository, id, chunk('hello', 0));
    // The process ended before it could say what the last bytes made of it.
    const path = `${layout.uploadPath(repository, id)}/data`;
    await (async () => {
      await using file = await driver.append(path);
      await file.append([Buffer.from('!')]);
    })();
    await using other = open(driver, locks);
    await finish(other, id, digest('hello!'));
    expect(await other.blobs.stat(digest('hello!'))).toBe(6);
  });

  it('take bytes from one request at a time', async () => {
    const driver = new MemoryDriver();
    const locks = new LocalLocks();
    await using one = open(driver, locks);
    await using other = open(driver, locks, 50);
    const { id } = await one.uploads.start(repository);
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = (async function* () {
      yield Buffer.from('he');
      await promise;
    })();
    const first = one.uploads.append(repository, id, { source: slow });
    await expect(other.uploads.append(repository, id, chunk('xx', 0))).rejects.toThrow(UploadBusyError);
    expect(await other.uploads.purge({ repository, id })).toBe(false);
    resolve();
    expect(await first).toBe(2);
  });
});

function open(driver: StorageDriver = new MemoryDriver(), locks?: Locks, endingMs = 60_000) {
  const blobs = new Blobs(driver);
  const pool = new HashPool({ workers: 1 });
  return {
    driver,
    blobs,
    uploads: new Uploads(driver, pool, { locks, endingMs }),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

/** Finishes an upload, and makes it readable. @returns what was verified. */
async function finish(
  { driver, uploads }: ReturnType<typeof open>,
  id: string,
  digest: Digest,
  chunk?: Chunk,
) {
  let finished: VerifiedUpload | undefined;
  await uploads.finish(repository, id, digest, {
    chunk,
    publish: async (verified) => {
      await driver.publish([publicationOf(verified)]);
      finished = verified;
    },
  });
  return { canonical: finished?.canonical, size: finished?.size };
}

function chunk(text: string, from?: number) {
  const source = pieces(Buffer.from(text), 1);
  return { source, length: text.length, ...(from === undefined ? {} : { from }) };
}

/** A body that is not over before the gate opens. */
function halted(text: string) {
  const gate = Promise.withResolvers<void>();
  const source = (async function* () {
    yield Buffer.from(text);
    await gate.promise;
  })();
  return { body: { source }, gate };
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function digest(content: string | Buffer, algorithm: HashAlgorithm = 'sha256') {
  return digestOf(algorithm, createHash(algorithm).update(content).digest('hex'));
}
