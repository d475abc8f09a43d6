import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Looked at, spread over a block. */
const SAMPLES = 4;
const SAMPLE_BYTES = 4096;
/** Of 8 bits; text has about 5, programs 6, archives, images and keys 7.95 and more. */
const RANDOM_BITS = 7.9;

/** Whether bytes come as evenly as in compressed or encrypted data, so that no compressor would gain by them. */
export function looksRandom(block: Uint8Array): boolean {
  if (block.byteLength < SAMPLES * SAMPLE_BYTES) return false;
  const counts = new Uint32Array(256);
  const step = Math.floor((block.byteLength - SAMPLE_BYTES) / (SAMPLES - 1));
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const start = sample * step;
    for (const byte of block.subarray(start, start + SAMPLE_BYTES)) counts[byte] = (counts[byte] ?? 0) + 1;
  }
  return entropyOf(counts, SAMPLES * SAMPLE_BYTES) > RANDOM_BITS;
}

/** Below, compressing takes no time that anybody would notice. */
const LEAST_FILE_BYTES = 4 * 1024 * 1024;
const FILE_SAMPLES = 64;
/** So many may be other than random: a compressor would then gain a few percent at best. */
const OTHER_FILE_SAMPLES = 2;

/** Whether a file is random nearly everywhere, as far as samples tell: {@link looksRandom}. A small one never is. */
export function looksRandomFile(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size < LEAST_FILE_BYTES) return false;
    const sample = Buffer.allocUnsafe(SAMPLES * SAMPLE_BYTES);
    const step = Math.floor((size - sample.length) / (FILE_SAMPLES - 1));
    let others = 0;
    for (let i = 0; i < FILE_SAMPLES && others <= OTHER_FILE_SAMPLES; i += 1) {
      const length = readSync(file, sample, 0, sample.length, i * step);
      if (!looksRandom(sample.subarray(0, length))) others += 1;
    }
    return others <= OTHER_FILE_SAMPLES;
  } finally {
    closeSync(file);
  }
}

/** Shannon's, in bits for each byte. */
function entropyOf(counts: Uint32Array, total: number): number {
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / total) * Math.log2(count / total);
  return bits;
}
