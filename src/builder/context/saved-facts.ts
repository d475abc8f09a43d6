import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * What `stat` says of a file that differs whenever its content, mode or attributes may: nobody can set the time of the
 * last change, `ctime`.
 */
export type FileVersion = Readonly<{
  dev: bigint;
  ino: bigint;
  size: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
}>;
/** What was found out about a file by reading it. `digest`: SHA-256 in hexadecimal, empty for what is no file. */
export type FileFacts = Readonly<{ digest: string; xattrs: string }>;
export type FileRecord = FileFacts & Readonly<{ path: string; version: FileVersion }>;

const FORMAT = 2;
const CHECKSUM_BYTES = 32;
/** The checksum of all that follows, the bytes of the head and the number of records. */
const START_BYTES = CHECKSUM_BYTES + 8;
const NUMBERS = 5;
const DIGEST_BYTES = 32;
const NO_DIGEST = Buffer.alloc(DIGEST_BYTES);

/** `paths`: joined by zero bytes. `xattrs`: of the few that have any. */
type Head = Readonly<{ format: number; paths: string; xattrs: Record<string, string> }>;

/**
 * Records as they lie in a file: a column of numbers and one of digests, which are looked into where they are. Objects for
 * twenty thousand files would take longer to make than the files to be looked at.
 */
export class SavedFacts {
  readonly #positions: ReadonlyMap<string, number>;
  readonly #xattrs: ReadonlyMap<string, string>;
  readonly #numbers: BigInt64Array;
  readonly #digests: Buffer;
  readonly #isMet: Uint8Array;
  /** How many were found. */
  met = 0;

  private constructor(head: Head, numbers: BigInt64Array, digests: Buffer) {
    const paths = numbers.length === 0 ? [] : head.paths.split('\0');
    this.#positions = new Map(paths.map((path, i) => [path, i]));
    // Files may be called as members are that every object has.
    this.#xattrs = new Map(Object.entries(head.xattrs));
    this.#numbers = numbers;
    this.#digests = digests;
    this.#isMet = new Uint8Array(paths.length);
  }

  /** Empty where there is no file, or none that is whole. */
  static read(file: string): SavedFacts {
    return parseFacts(file, (...parts) => new SavedFacts(...parts));
  }

  get size(): number {
    return this.#positions.size;
  }

  find(path: string, version: FileVersion): FileFacts | undefined {
    const i = this.#find(path, version);
    return i === undefined ? undefined : { digest: this.#digest(i), xattrs: this.#xattrsOf(path) };
  }

  /** @param which `met`: those that were found. */
  *records(which: 'all' | 'met'): Generator<FileRecord> {
    for (const [path, i] of this.#positions) {
      if (which === 'met' && this.#isMet[i] === 0) continue;
      const at = i * NUMBERS;
      const [dev = 0n, ino = 0n, size = 0n, mtimeNs = 0n, ctimeNs = 0n] = this.#numbers.subarray(
        at,
        at + NUMBERS,
      );
      const version = { dev, ino, size, mtimeNs, ctimeNs };
      yield { path, version, digest: this.#digest(i), xattrs: this.#xattrsOf(path) };
    }
  }

  #find(path: string, version: FileVersion): number | undefined {
    const i = this.#positions.get(path);
    if (i === undefined || !this.#isVersion(i * NUMBERS, version)) return undefined;
    if (this.#isMet[i] === 0) this.met += 1;
    this.#isMet[i] = 1;
    return i;
  }

  /** Numbers beyond 2^63 are never the same, so such files are read each time. */
  #isVersion(at: number, { dev, ino, size, mtimeNs, ctimeNs }: FileVersion): boolean {
    const numbers = this.#numbers;
    return (
      numbers[at + 4] === ctimeNs &&
      numbers[at + 3] === mtimeNs &&
      numbers[at + 2] === size &&
      numbers[at + 1] === ino &&
      numbers[at] === dev
    );
  }

  #digest(i: number): string {
    const at = i * DIGEST_BYTES;
    const isNone =
      this.#digests.readDoubleLE(at) === 0 && NO_DIGEST.equals(this.#digests.subarray(at, at + DIGEST_BYTES));
    return isNone ? '' : this.#digests.toString('hex', at, at + DIGEST_BYTES);
  }

  #xattrsOf(path: string): string {
    return this.#xattrs.size === 0 ? '' : (this.#xattrs.get(path) ?? '');
  }
}

/** The bytes of a file for {@link SavedFacts}. */
export function encodeFacts(records: readonly FileRecord[]): Uint8Array {
  const head: Head = {
    format: FORMAT,
    paths: records.map(({ path }) => path).join('\0'),
    xattrs: Object.fromEntries(
      records.filter(({ xattrs }) => xattrs !== '').map(({ path, xattrs }) => [path, xattrs]),
    ),
  };
  const text = Buffer.from(JSON.stringify(head));
  const { numbersAt, digestsAt, end } = placesOf(text.length, records.length);
  const bytes = Buffer.alloc(end, ' ');
  bytes.writeUInt32LE(text.length, CHECKSUM_BYTES);
  bytes.writeUInt32LE(records.length, CHECKSUM_BYTES + 4);
  text.copy(bytes, START_BYTES);
  const numbers = new BigInt64Array(records.length * NUMBERS);
  for (const [i, { version, digest }] of records.entries()) {
    const { dev, ino, size, mtimeNs, ctimeNs } = version;
    numbers.set([dev, ino, size, mtimeNs, ctimeNs], i * NUMBERS);
    if (digest === '') NO_DIGEST.copy(bytes, digestsAt + i * DIGEST_BYTES);
    else bytes.write(digest, digestsAt + i * DIGEST_BYTES, 'hex');
  }
  bytes.set(new Uint8Array(numbers.buffer), numbersAt);
  checksumOf(bytes).copy(bytes);
  return bytes;
}

function parseFacts<T>(file: string, make: (head: Head, numbers: BigInt64Array, digests: Buffer) => T): T {
  try {
    const bytes = readFileSync(file);
    const [headBytes, count] = [bytes.readUInt32LE(CHECKSUM_BYTES), bytes.readUInt32LE(CHECKSUM_BYTES + 4)];
    const { numbersAt, digestsAt, end } = placesOf(headBytes, count);
    const isWhole = bytes.length === end && checksumOf(bytes).equals(bytes.subarray(0, CHECKSUM_BYTES));
    const head = isWhole
      ? (JSON.parse(bytes.toString('utf8', START_BYTES, START_BYTES + headBytes)) as Head)
      : undefined;
    if (head?.format === FORMAT) {
      const numbers = new BigInt64Array(Uint8Array.from(bytes.subarray(numbersAt, digestsAt)).buffer);
      return make(head, numbers, bytes.subarray(digestsAt));
    }
  } catch {
    // not there, or of an earlier time: it is only a memory
  }
  return make({ format: FORMAT, paths: '', xattrs: {} }, new BigInt64Array(0), Buffer.alloc(0));
}

/** Offsets; numbers are aligned. */
function placesOf(headBytes: number, count: number) {
  const numbersAt = Math.ceil((START_BYTES + headBytes) / 8) * 8;
  const digestsAt = numbersAt + count * NUMBERS * 8;
  return { numbersAt, digestsAt, end: digestsAt + count * DIGEST_BYTES };
}

function checksumOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes.subarray(CHECKSUM_BYTES)).digest();
}
