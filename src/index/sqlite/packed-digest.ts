import type { Digest } from '../../oci/index.js';

/**
 * A digest as the tables have it: one of sha256 as its 32 bytes, less than half of its text, any other as that. Most of the
 * file is digests. In the order of SQLite, text comes before bytes. https://sqlite.org/datatype3.html, "Sort Order"
 */
type PackedDigest = Uint8Array | string;

const PREFIX = 'sha256:';

/** @param digest or what a client takes for one. */
export function packed(digest: string): PackedDigest {
  return digest.startsWith(PREFIX) ? Buffer.from(digest.slice(PREFIX.length), 'hex') : digest;
}

/** @param value of a column. */
export function unpacked(value: unknown): Digest {
  if (!(value instanceof Uint8Array)) return value as Digest;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return `${PREFIX}${bytes.toString('hex')}` as Digest;
}

/** SQL: the text of a digest in a column, which costs less than {@link unpacked} of its bytes. */
export function textOf(column: string): string {
  return `iif(typeof(${column}) = 'blob', '${PREFIX}' || lower(hex(${column})), ${column})`;
}

/** A parameter from which {@link digestsOf} makes rows. */
export function packedList(digests: readonly Digest[]): string {
  const withoutPrefix = (digest: Digest) =>
    digest.startsWith(PREFIX) ? digest.slice(PREFIX.length) : digest;
  return JSON.stringify(digests.map(withoutPrefix));
}

/** SQL: what the parameter lists, with the place of each. */
export function digestsOf(parameter: `?${number}`): string {
  return `SELECT iif(instr(value, ':') > 0, value, unhex(value)) AS digest, key AS place FROM json_each(${parameter})`;
}
