/**
 * Linux names are bytes, mostly UTF-8. Here they are strings; a byte that is no UTF-8 becomes a lone surrogate
 * U+DC80 to U+DCFF, as in Python's "surrogateescape", so that every name survives.
 */
const REPLACEMENT = '\ufffd';
const ESCAPE_BASE = 0xdc00;
const ABOVE_ASCII = /[^\0-\x7f]/;
/** From here on the order of UTF-16 is not the order of bytes. */
const FROM_SURROGATES = /[\ud800-\uffff]/;

export function decodeName(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes(REPLACEMENT) && !Buffer.from(text).equals(bytes) ? escaped(bytes) : text;
}

/** What node:fs and the tar take: text where it is UTF-8, else its bytes. */
export function encodeName(name: string): string | Buffer {
  return name.isWellFormed() ? name : nameBytes(name);
}

export function nameBytes(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name);
  const parts = [...name].map((character) => {
    const code = character.charCodeAt(0);
    const isEscape = character.length === 1 && code >= ESCAPE_BASE + 0x80 && code <= ESCAPE_BASE + 0xff;
    return isEscape ? Buffer.of(code - ESCAPE_BASE) : Buffer.from(character);
  });
  return Buffer.concat(parts);
}

export function isAscii(text: string): boolean {
  return !ABOVE_ASCII.test(text);
}

/** By bytes, as tools in C and Go sort. */
export function compareNames(a: string, b: string): number {
  if (FROM_SURROGATES.test(a) && FROM_SURROGATES.test(b)) return Buffer.compare(nameBytes(a), nameBytes(b));
  return a < b ? -1 : Number(a > b);
}

/** Sorts in place, by bytes. */
export function sortNames(names: string[]): string[] {
  return names.some((name) => FROM_SURROGATES.test(name)) ? names.sort(compareNames) : names.sort();
}

function escaped(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    text +=
      length > 0
        ? bytes.toString('utf8', at, at + length)
        : String.fromCharCode(ESCAPE_BASE + (bytes[at] ?? 0));
    at += Math.max(1, length);
  }
  return text;
}

/** Of the UTF-8 character that begins at `at`; 0 if none does. */
function sequenceLength(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length += 1) {
    const part = bytes.subarray(at, at + length);
    const text = part.toString('utf8');
    if (Buffer.from(text).equals(part) && [...text].length === 1) return length;
  }
  return 0;
}
