import { TarError } from './errors.js';
import { decodeName } from './names.js';
import { BLOCK_BYTES, checksumOf, FIELDS, GNU_MAGIC } from './tar-format.js';

type Field = keyof typeof FIELDS;

/** A header block whose checksum is right. */
export class Header {
  readonly block: Buffer;

  constructor(block: Buffer) {
    this.block = block;
    if (block.length < BLOCK_BYTES) throw new TarError('the archive ends within a header');
    const given = checksumIn(block);
    if (given !== checksumOf(block, 0) && given !== signedChecksumOf(block)) {
      throw new TarError('this is not a tar archive, or a damaged one: the checksum of a header is wrong');
    }
  }

  get typeFlag(): string {
    return String.fromCharCode(this.block[FIELDS.type[0]] ?? 0);
  }

  text(field: Field): string {
    const [offset, length] = FIELDS[field];
    return untilZero(this.block.subarray(offset, offset + length));
  }

  number(field: Field): number {
    const [offset, length] = FIELDS[field];
    return numberIn(this.block, offset, length);
  }

  path(): string {
    const name = this.text('name');
    const magic = this.block.toString('latin1', FIELDS.magic[0], FIELDS.magic[0] + FIELDS.magic[1]);
    // Old tars and GNU's have something else where ustar has a prefix.
    if (!magic.startsWith('ustar') || magic === GNU_MAGIC) return name;
    const prefix = this.text('prefix');
    return prefix === '' ? name : `${prefix}/${name}`;
  }
}

function checksumIn(block: Buffer): number {
  const [offset, length] = FIELDS.checksum;
  return Number.parseInt(block.toString('latin1', offset, offset + length).replace(/[ \0]/g, ''), 8);
}

/** Octal digits among blanks and zeros, or GNU's base-256, big-endian with the first bit set. */
export function numberIn(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if (first & 0x80) return base256(block.subarray(offset, offset + length));
  let value = 0;
  let isStarted = false;
  for (let i = offset; i < offset + length; i += 1) {
    const byte = block[i] ?? 0;
    if (byte >= 0x30 && byte <= 0x37) {
      value = value * 8 + byte - 0x30;
      isStarted = true;
    } else if (byte !== 0x20 && byte !== 0) {
      throw new TarError(
        `a number in a header is malformed: ${JSON.stringify(block.toString('latin1', offset, offset + length))}`,
      );
    } else if (isStarted) {
      break;
    }
  }
  return value;
}

function base256(bytes: Buffer): number {
  let value = BigInt((bytes[0] ?? 0) & 0x7f);
  for (const byte of bytes.subarray(1)) value = value * 256n + BigInt(byte);
  const bits = BigInt(bytes.length * 8 - 1);
  const isNegative = ((bytes[0] ?? 0) & 0x40) !== 0;
  const number = Number(isNegative ? value - (1n << bits) : value);
  if (!Number.isSafeInteger(number)) throw new TarError('a number in a header is too large');
  return number;
}

/** Some old systems summed signed bytes. */
function signedChecksumOf(block: Buffer): number {
  let sum = checksumOf(block, 0);
  for (let i = 0; i < BLOCK_BYTES; i += 1) {
    const isChecksum = i >= FIELDS.checksum[0] && i < FIELDS.checksum[0] + FIELDS.checksum[1];
    if (!isChecksum && (block[i] ?? 0) >= 0x80) sum -= 256;
  }
  return sum;
}

export function untilZero(bytes: Buffer): string {
  const zero = bytes.indexOf(0);
  return decodeName(zero < 0 ? bytes : bytes.subarray(0, zero));
}

export function isZero(block: Buffer): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}
