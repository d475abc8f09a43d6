import { createWriteStream, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyLayer, LayerWriter, NoRoomError, Room } from '../../src/layer/index.js';
import { Tmpfs } from '../faults/tmpfs.js';
import { run } from '../support/run.js';
import { header } from '../support/tar.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { chunksOf, fileEntry } from './tree.js';

const MEBIBYTE = 1024 ** 2;

let disk: Tmpfs;

beforeAll(async () => {
  disk = await Tmpfs.mount(40);
});
afterAll(() => disk[Symbol.asyncDispose]());

describe('Room', () => {
  it('refuses what the disk cannot hold before anything is written', () => {
    const room = new Room(disk.path);
    room.take(20 * MEBIBYTE, 'it');
    expect(() => room.take(64 * MEBIBYTE, 'it')).toThrow(
      new NoRoomError('it takes 64 MiB, and the disk has 40 MiB free: make room, or use less'),
    );
  });

  it('ends a stream without an end while there is still room for others', async () => {
    const path = join(disk.path, 'endless');
    async function* endless() {
      for (;;) yield Buffer.alloc(MEBIBYTE);
    }
    const written = pipeline(new Room(disk.path).hold(endless(), 'it'), createWriteStream(path));
    await expect(written).rejects.toThrow(/^it goes on, and the disk has \d+ MiB free/);
    expect(statSync(path).size).toBeLessThan(36 * MEBIBYTE);
    rmSync(path);
  });
});

describe('a file of a layer that is larger than the disk', () => {
  it('is not written', () => {
    using writer = LayerWriter.create(join(disk.path, 'layer.tar'));
    const entry = fileEntry('huge', 256 * 1024 * MEBIBYTE);
    expect(() => writer.addChunks(entry, endlessZeros())).toThrow('"huge" takes 262144 MiB');
    expect(statSync(writer.path).size).toBe(0);
  });

  it('is not unpacked, unless it is nearly all holes', async () => {
    const holes = await sparseTar(256 * 1024);
    const options = { whiteouts: 'none', ownership: 'ignore', devices: 'skip' } as const;
    await applyLayer(chunksOf(holes), disk.path, options);
    expect(statSync(join(disk.path, 'holes'))).toMatchObject({ size: 256 * 1024 * MEBIBYTE, blocks: 0 });
    const plain = chunksOf(header('huge', 64 * MEBIBYTE));
    await expect(applyLayer(plain, disk.path, options)).rejects.toThrow('"huge" takes 64 MiB');
  });
});

async function sparseTar(mebibytes: number): Promise<Buffer> {
  await using folder = await temporaryFolder();
  const [file, tar] = [join(folder.path, 'holes'), join(folder.path, 'holes.tar')];
  await run(['truncate', `--size=${mebibytes}M`, file]);
  await run(['tar', '--sparse', '-C', folder.path, '-cf', tar, 'holes']);
  return readFileSync(tar);
}

function* endlessZeros() {
  for (;;) yield Buffer.alloc(MEBIBYTE);
}
