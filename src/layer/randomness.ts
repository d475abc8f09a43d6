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

/** Shannon's, in bits for each byte. */
function entropyOf(counts: Uint32Array, total: number): number {
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / total) * Math.log2(count / total);
  return bits;
}
