/** How a layer's bytes may be packed. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Enough first bytes for {@link detectCompression}. */
export const MAGIC_BYTES = 6;

const MAGICS: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]], // BZh
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** By what the bytes begin with, never by a name: `none` for all that is not known, and for nothing at all. */
export function detectCompression(firstBytes: Uint8Array): Compression {
  const known = MAGICS.find(([, magic]) => magic.every((byte, i) => firstBytes[i] === byte));
  if (known) return known[0];
  return isSkippableFrame(firstBytes) ? 'zstd' : 'none';
}

/** Zstandard allows frames of other content anywhere: 0x184D2A50 to 0x184D2A5F. RFC 8878 §3.1.2. */
export function isSkippableFrame(bytes: Uint8Array): boolean {
  return ((bytes[0] ?? 0) & 0xf0) === 0x50 && bytes[1] === 0x2a && bytes[2] === 0x4d && bytes[3] === 0x18;
}
