import { createHash, randomFillSync } from 'node:crypto';

/** Bytes of a blob to push, in pieces that are written one after the other. `size` in bytes. */
export type Content = Readonly<{ digest: string; size: number; pieces: readonly Buffer[] }>;

const PIECE_BYTES = 1024 * 1024;
/** What Go's `io.Copy` writes at a time, and therefore what docker and podman send as one HTTP chunk. */
const CHUNK_BYTES = 32 * 1024;

const COMMON = randomFillSync(Buffer.allocUnsafeSlow(PIECE_BYTES));
const COMMON_CHUNKED = inChunks(COMMON);
let made = 0;

/**
 * Random bytes that no server has seen before. All pieces but the last are one and the same buffer, so that any
 * number of large blobs costs little memory; the last one is stamped, so that no two blobs are alike.
 * @param size bytes, in whole MiB.
 */
export function newContent(size: number): Content {
  const count = size / PIECE_BYTES;
  const last = Buffer.from(COMMON);
  made += 1;
  last.writeUInt32BE(made, 0);
  const digest = `sha256:${hashOfCommon(count - 1)
    .update(last)
    .digest('hex')}`;
  return { digest, size, pieces: [...Array<Buffer>(count - 1).fill(COMMON), last] };
}

/** The same bytes as `Transfer-Encoding: chunked` sends them. RFC 9112 section 7.1. */
export function chunkedPieces({ pieces }: Content): Buffer[] {
  return [
    ...pieces.map((piece) => (piece === COMMON ? COMMON_CHUNKED : inChunks(piece))),
    Buffer.from('0\r\n\r\n'),
  ];
}

const hashes = new Map([[0, createHash('sha256')]]);

/** Hashing 255 common MiB anew for each blob would take longer than pushing it. */
function hashOfCommon(count: number) {
  let hash = hashes.get(count);
  if (hash === undefined) {
    hash = createHash('sha256');
    for (let i = 0; i < count; i += 1) hash.update(COMMON);
    hashes.set(count, hash);
  }
  return hash.copy();
}

function inChunks(piece: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let start = 0; start < piece.length; start += CHUNK_BYTES) {
    const chunk = piece.subarray(start, start + CHUNK_BYTES);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}
