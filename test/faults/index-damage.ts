import { open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from './random.js';

/** Ways to lose the index, while no server runs. */
export const INDEX_DAMAGES = ['remove', 'truncate', 'empty', 'header', 'page', 'no-wal', 'bad-wal'] as const;
export type IndexDamage = (typeof INDEX_DAMAGES)[number];

export async function damageIndex(root: string, damage: IndexDamage, random: Random): Promise<void> {
  const path = join(root, 'berth', 'index.sqlite');
  const size = (await stat(path)).size;
  switch (damage) {
    case 'remove':
      for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true });
      break;
    case 'truncate':
      await truncate(path, random.between(1, size));
      break;
    case 'empty':
      await writeFile(path, '');
      break;
    case 'header':
      await overwrite(path, 0, random.bytes(100));
      break;
    case 'page':
      await overwrite(path, 4096 * random.between(0, Math.floor(size / 4096) - 1), random.bytes(4096));
      break;
    case 'no-wal':
      await rm(`${path}-wal`, { force: true });
      break;
    case 'bad-wal':
      await writeFile(`${path}-wal`, random.bytes(50_000));
      break;
  }
}

async function overwrite(path: string, position: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.byteLength, position);
  await file.close();
}
