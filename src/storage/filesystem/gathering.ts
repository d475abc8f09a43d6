import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';

/** What is to be looked at: files, and directories with everything below them, by paths of the system. */
export type Gathering = Readonly<{ gather: readonly string[]; readUpTo: number }>;

/**
 * Some of the files that were found, packed so that they cost little on their way between threads: those at one place of
 * each list belong together. `times` of modification in milliseconds since 1970; what was read of a file begins in `bytes`
 * where that of the one before ended, and -1 in `ends` says that it was not read.
 */
export type GatheredPart = Readonly<{
  paths: string[];
  sizes: number[];
  times: number[];
  ends: number[];
  bytes: Uint8Array<ArrayBuffer>;
}>;

/** A part is sent when it has so many files, or bytes. */
const PART = { files: 1000, bytes: 1024 * 1024 };

/** Looks at files one after the other, and holds up its thread for as long as that takes. Absent ones are passed over. */
export class Gatherer {
  readonly #readUpTo: number;
  readonly #send: (part: GatheredPart) => void;
  #part = newPart();

  /** @param send is given what was found, part by part. */
  constructor(readUpTo: number, send: (part: GatheredPart) => void) {
    this.#readUpTo = readUpTo;
    this.#send = send;
  }

  /** A file, or all files below a directory. @throws what the system says, unless it is that nothing is there. */
  add(path: string): void {
    unlessGone(() => {
      const info = statSync(path);
      if (info.isDirectory()) this.#addBelow(path);
      else if (this.#readUpTo > 0) this.#read(path);
      else this.#note(path, info);
    });
  }

  /** Sends the rest. */
  end(): void {
    const { paths, sizes, times, ends, chunks } = this.#part;
    if (paths.length > 0) this.#send({ paths, sizes, times, ends, bytes: joined(chunks) });
    this.#part = newPart();
  }

  #addBelow(directory: string): void {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = `${directory}/${entry.name}`;
      if (entry.isFile()) unlessGone(() => this.#addFile(path));
      else if (entry.isDirectory()) unlessGone(() => this.#addBelow(path));
      else this.add(path); // operators move large repositories to other disks and leave a link
    }
  }

  #addFile(path: string): void {
    if (this.#readUpTo > 0) this.#read(path);
    else this.#note(path, statSync(path));
  }

  #read(path: string): void {
    const file = openSync(path, 'r');
    try {
      const info = fstatSync(file);
      this.#note(path, info, info.size > this.#readUpTo ? undefined : read(file, info.size));
    } finally {
      closeSync(file);
    }
  }

  #note(path: string, { size, mtimeMs }: { size: number; mtimeMs: number }, bytes?: Uint8Array): void {
    const part = this.#part;
    part.paths.push(path);
    part.sizes.push(size);
    part.times.push(Math.round(mtimeMs)); // as Node does for dates
    if (bytes) {
      part.chunks.push(bytes);
      part.length += bytes.length;
    }
    part.ends.push(bytes ? part.length : -1);
    if (part.paths.length >= PART.files || part.length >= PART.bytes) this.end();
  }
}

function read(file: number, size: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(size);
  return bytes.subarray(0, size > 0 ? readSync(file, bytes) : 0);
}

/** Names below a directory in byte order, with the one character between them that none can have; '' of an absent one. */
export function namesBelow(directory: string): string {
  let names: string[] = [];
  unlessGone(() => {
    names = readdirSync(directory);
  });
  return names.sort().join('/');
}

/** Others may remove what was seen a moment ago. */
function unlessGone(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function newPart() {
  return {
    paths: [] as string[],
    sizes: [] as number[],
    times: [] as number[],
    ends: [] as number[],
    chunks: [] as Uint8Array[],
    length: 0,
  };
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
