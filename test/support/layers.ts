import { randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { header, tarOf } from './tar.js';

const MEBIBYTE = 2 ** 20;

/** A layer with one program that needs nothing else. */
export async function busyboxLayer(): Promise<Buffer> {
  return tarOf({ 'bin/busybox': await readFile('/bin/busybox') });
}

/** A layer that nobody else has, with one file that does not compress. */
export function randomLayer(bytes: number): Buffer {
  const content = randomBytes(bytes);
  return tarOf({ [`data/${content.subarray(0, 8).toString('hex')}`]: content });
}

/** Writes an archive of one large file that does not compress, without holding it in memory. */
export async function writeLargeArchive(path: string, mebibytes: number): Promise<void> {
  // The same mebibyte again and again: no compressor used for layers looks back that far.
  const block = randomBytes(MEBIBYTE);
  await using file = await open(path, 'w');
  await file.write(header('large', mebibytes * MEBIBYTE));
  for (let written = 0; written < mebibytes; written++) await file.write(block);
  await file.write(Buffer.alloc(1024));
}
