import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompressionError, compress, decompress, detectCompression } from '../../src/layer/index.js';
import { run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { chunksOf, concat } from './tree.js';

const TEXT = Buffer.from(Array.from({ length: 60_000 }, (_, i) => `line ${i} ${i * i}\n`).join(''));
const SKIPPABLE = Buffer.of(0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);

describe('compress', () => {
  it.each([0, 1, 262_144, 262_145, 1_000_000])('makes one gzip member of %d bytes', async (size) => {
    const bytes = Buffer.concat([TEXT, randomBytes(400_000)]).subarray(-size || TEXT.length * 2);
    const packed = await concat(compress(chunksOf(bytes, 65_536), { format: 'gzip' }));
    expect(gunzipSync(packed).equals(bytes)).toBe(true);
    expect([...packed.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    await using folder = await temporaryFolder();
    writeFileSync(join(folder.path, 'a.gz'), packed);
    await run(['gzip', '--test', join(folder.path, 'a.gz')]);
  });

  it('stores what does not compress between what does, in one gzip member', async () => {
    await using folder = await temporaryFolder();
    const bytes = Buffer.concat([TEXT, randomBytes(600_000), TEXT, randomBytes(300_000)]);
    const packed = await concat(compress(chunksOf(bytes, 65_536), { format: 'gzip' }));
    expect(gunzipSync(packed).equals(bytes)).toBe(true);
    expect(packed.length).toBeLessThan(bytes.length);
    writeFileSync(join(folder.path, 'mixed.gz'), packed);
    await run(['gzip', '--test', join(folder.path, 'mixed.gz')]);
  });

  it.each(['gzip', 'zstd'] as const)('gives the same %s however the source is cut', async (format) => {
    const results = await Promise.all(
      [1777, 65_536, TEXT.length].map((size) => concat(compress(chunksOf(TEXT, size), { format, level: 1 }))),
    );
    expect(results[1]?.equals(results[0] ?? Buffer.of())).toBe(true);
    expect(results[2]?.equals(results[0] ?? Buffer.of())).toBe(true);
  });

  it('is nearly as dense in parallel as in one piece', async () => {
    const packed = await concat(compress(chunksOf(TEXT, 65_536), { format: 'gzip', level: 6 }));
    expect(packed.length).toBeLessThan(gzipSync(TEXT, { level: 6 }).length * 1.01);
  });

  it('makes one zstd frame that others read', async () => {
    const packed = await concat(compress(chunksOf(TEXT), { format: 'zstd' }));
    expect(zstdDecompressSync(packed).equals(TEXT)).toBe(true);
    expect(await concat(compress(chunksOf(Buffer.of()), { format: 'zstd' }))).not.toHaveLength(0);
  });

  it('passes plain bytes on', async () => {
    expect((await concat(compress(chunksOf(TEXT), { format: 'none' }))).equals(TEXT)).toBe(true);
  });

  it.each([
    { format: 'gzip', level: 10 },
    { format: 'zstd', level: 0 },
  ] as const)('refuses $format level $level', async (options) => {
    await expect(concat(compress(chunksOf(TEXT), options))).rejects.toThrow('has no compression level');
  });

  it.each(['gzip', 'zstd', 'none'] as const)('hands on a failure of the source, %s', async (format) => {
    async function* failing() {
      yield TEXT;
      throw new Error('the disk is gone');
    }
    await expect(concat(compress(failing(), { format }))).rejects.toThrow('the disk is gone');
  });

  it.each(['gzip', 'zstd'] as const)('can be stopped, %s', async (format) => {
    for await (const _ of compress(chunksOf(randomBytes(3_000_000)), { format })) break;
    const signal = AbortSignal.abort();
    await expect(concat(compress(chunksOf(TEXT), { format, signal }))).rejects.toThrow('aborted');
  });
});

describe('decompress', () => {
  const gzip = gzipSync(TEXT);
  const zstd = zstdCompressSync(TEXT, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  it.each([
    { what: 'plain bytes', packed: TEXT },
    { what: 'nothing', packed: Buffer.of(), bytes: Buffer.of() },
    { what: 'a few bytes', packed: Buffer.of(0x1f), bytes: Buffer.of(0x1f) },
    { what: 'gzip', packed: gzip },
    { what: 'gzip of two members', packed: Buffer.concat([gzip, gzip]), bytes: Buffer.concat([TEXT, TEXT]) },
    { what: 'gzip with zeros behind', packed: Buffer.concat([gzip, Buffer.alloc(512)]) },
    { what: 'zstd', packed: zstd },
    { what: 'zstd of two frames', packed: Buffer.concat([zstd, zstd]), bytes: Buffer.concat([TEXT, TEXT]) },
    {
      what: 'zstd with frames to skip',
      packed: Buffer.concat([SKIPPABLE, zstd, SKIPPABLE, zstd, SKIPPABLE]),
      bytes: Buffer.concat([TEXT, TEXT]),
    },
    { what: 'zstd of nothing', packed: zstdCompressSync(Buffer.of()), bytes: Buffer.of() },
  ])('unpacks $what', async ({ packed, bytes = TEXT }) => {
    expect((await concat(decompress(chunksOf(packed)))).equals(bytes)).toBe(true);
    expect((await concat(decompress(chunksOf(packed, 1e9)))).equals(bytes)).toBe(true);
  });

  it.each(['bzip2', 'xz', 'gzip', 'zstd'])('unpacks what the program %s packs', async (program) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'packed');
    writeFileSync(path, TEXT);
    await run([program, '-9', path]);
    const suffix = { bzip2: 'bz2', xz: 'xz', gzip: 'gz', zstd: 'zst' }[program];
    const packed = readFileSync(`${path}.${suffix}`);
    expect(detectCompression(packed)).toBe(program);
    expect((await concat(decompress(chunksOf(packed)))).equals(TEXT)).toBe(true);
    const cut = concat(decompress(chunksOf(packed.subarray(0, -20))));
    await expect(cut).rejects.toThrow(CompressionError);
    await expect(cut).rejects.toThrow('cut short');
  });

  it('unpacks all kinds of zstd frames', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a');
    writeFileSync(path, Buffer.concat([Buffer.alloc(300_000), randomBytes(300_000), TEXT]));
    for (const options of [
      ['-1'],
      ['--no-check'],
      ['--long=27'],
      ['--no-content-size'],
      ['-T2', '--block-size=100000'],
    ]) {
      await run(['zstd', '-f', ...options, path, '-o', `${path}.zst`]).catch((error) => {
        if (!String(error).includes('Incorrect parameter') && !String(error).includes('usage')) throw error;
      });
      const bytes = await concat(decompress(chunksOf(readFileSync(`${path}.zst`))));
      expect(bytes.equals(readFileSync(path))).toBe(true);
    }
  });

  it.each([
    {
      what: 'damaged gzip',
      packed: Buffer.concat([gzip.subarray(0, 500), Buffer.alloc(100, 7), gzip.subarray(600)]),
    },
    { what: 'gzip with garbage behind', packed: Buffer.concat([gzip, Buffer.from('garbage')]) },
    { what: 'gzip that is cut short', packed: gzip.subarray(0, -1) },
    {
      what: 'damaged zstd',
      packed: Buffer.concat([zstd.subarray(0, 500), Buffer.alloc(100, 7), zstd.subarray(600)]),
    },
    { what: 'zstd with garbage behind', packed: Buffer.concat([zstd, Buffer.from('garbage')]) },
    { what: 'zstd that is cut short', packed: zstd.subarray(0, -1) },
  ])('refuses $what', async ({ packed }) => {
    await expect(concat(decompress(chunksOf(packed))).then((bytes) => bytes.length)).rejects.toThrow(
      CompressionError,
    );
  });

  it.each(['gzip', 'zstd'] as const)('stops a bomb of %s', async (format) => {
    async function* zeros() {
      for (let i = 0; i < 25; i += 1) yield Buffer.alloc(1024 * 1024);
    }
    const quarter = await concat(compress(zeros(), { format }));
    const bomb = Buffer.concat([quarter, quarter, quarter, quarter]);
    expect(bomb.length).toBeLessThan(200_000);
    const before = process.memoryUsage().rss;
    const failure = await concat(decompress(chunksOf(bomb), { maxBytes: 1_000_000 })).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(CompressionError);
    expect((failure as Error).message).toContain('the limit of 1000000 bytes');
    expect(process.memoryUsage().rss - before).toBeLessThan(60e6);
  });

  it.each(['gzip', 'zstd', 'xz'])('hands on a failure of the source, %s', async (program) => {
    const packed = { gzip, zstd, xz: Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0) }[program] ?? gzip;
    async function* failing() {
      yield packed.subarray(0, 3000);
      throw new Error('the line is dead');
    }
    await expect(concat(decompress(failing()))).rejects.toThrow('the line is dead');
  });

  it('can be left early', async () => {
    for (const packed of [gzip, zstd]) for await (const _ of decompress(chunksOf(packed, 100))) break;
  });
});

it('comes back as it went', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 50_000, size: 'max' }),
      fc.constantFrom('gzip', 'zstd'),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 100, max: 5000 }),
      async (bytes, format, level, chunk) => {
        const packed = await concat(compress(chunksOf(bytes, chunk), { format, level }));
        expect((await concat(decompress(chunksOf(packed, chunk)))).equals(bytes)).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});
