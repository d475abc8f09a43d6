/** The first `count` bytes of `chunks`, or all of them. */
export function beforeBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const first: Uint8Array[] = [];
  let wanted = count;
  for (const chunk of chunks) {
    if (wanted <= 0) break;
    first.push(wanted < chunk.byteLength ? chunk.subarray(0, wanted) : chunk);
    wanted -= chunk.byteLength;
  }
  return first;
}

/** What is left of `chunks` once their first `count` bytes are gone. */
export function afterBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = count;
  for (const chunk of chunks) {
    if (skip < chunk.byteLength) rest.push(skip === 0 ? chunk : chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.byteLength);
  }
  return rest;
}

export function bytesOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
