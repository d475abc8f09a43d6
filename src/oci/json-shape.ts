/** A descriptor's platform's features are at five. */
const MAX_DEPTH = 64;
/** So many in any document, and one more for each so many bytes: a descriptor has fewer, with the 71 letters of its digest. */
const [FREE_PARTS, BYTES_PER_PART] = [10_000, 16];
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * What is wrong with the shape of what may be JSON. JSON.parse takes a quarter of a second for 4 MiB of nothing but brackets,
 * and nobody else is served meanwhile; this pass takes a few milliseconds.
 * @returns nothing where it is as plain as documents are that are meant well, or no JSON at all.
 */
export function findExcess(bytes: Uint8Array): string | undefined {
  const maxParts = FREE_PARTS + bytes.length / BYTES_PER_PART;
  let depth = 0;
  let parts = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (byte === QUOTE) i = endOfString(bytes, i);
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) [depth, parts] = [depth + 1, parts + 1];
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
    else if (byte === COMMA) parts += 1;
    if (depth > MAX_DEPTH) return `it nests more than ${MAX_DEPTH} deep`;
    if (parts > maxParts) return `it has more than ${Math.floor(maxParts)} members`;
  }
  return undefined;
}

/** @param start where it begins. @returns where its last quote is, or where the document ends. */
function endOfString(bytes: Uint8Array, start: number): number {
  let i = start + 1;
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
  return i;
}
