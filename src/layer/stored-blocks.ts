/** What one block can hold. RFC 1951 §3.2.4. */
const MAX_BYTES = 65_535;
const HEADER_BYTES = 5;

/** How much deflate's form for what does not compress takes. An empty block takes a header too. */
export function storedBytes(contentBytes: number): number {
  return contentBytes + HEADER_BYTES * countOf(contentBytes);
}

/**
 * Writes content as deflate blocks without compression. They begin and end on whole bytes, so they may follow anything
 * that does. @param target of {@link storedBytes}. @param isLast whether the deflate stream ends with it.
 */
export function writeStored(content: Uint8Array, target: Buffer, { isLast }: { isLast: boolean }): void {
  const count = countOf(content.length);
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    const part = content.subarray(i * MAX_BYTES, (i + 1) * MAX_BYTES);
    target[at] = isLast && i === count - 1 ? 1 : 0; // BFINAL, and BTYPE 00
    target.writeUInt16LE(part.length, at + 1);
    target.writeUInt16LE(~part.length & 0xffff, at + 3);
    target.set(part, at + HEADER_BYTES);
    at += HEADER_BYTES + part.length;
  }
}

function countOf(contentBytes: number): number {
  return Math.max(1, Math.ceil(contentBytes / MAX_BYTES));
}
