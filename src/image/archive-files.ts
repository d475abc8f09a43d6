import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { MAX_MANIFEST_BYTES } from '../content/index.js';
import { type Entry, LayerIndex } from '../layer/index.js';
import { ImageFormatError } from './errors.js';

/** Where a member's content is in the archive. */
export type ArchivePlace = Readonly<{ offset: number; size: number }>;

type Member = Readonly<{ entry: Entry; offset: number }>;

const READ_BYTES = 256 * 1024;
/** Enough to see how content is compressed. */
export const HEAD_BYTES = 16;
/** Of links to links. */
const MAX_HOPS = 8;

/** The members of an uncompressed tar file, by name. */
export class ArchiveFiles {
  readonly #path: string;
  readonly #members: ReadonlyMap<string, Member>;

  private constructor(path: string, members: ReadonlyMap<string, Member>) {
    this.#path = path;
    this.#members = members;
  }

  /** @throws {TarError} it is no tar. */
  static async open(path: string): Promise<ArchiveFiles> {
    const { entries } = await LayerIndex.scan(path);
    return new ArchiveFiles(path, new Map(entries.map((member) => [member.entry.path, member])));
  }

  /** The first bytes of a file on disk. */
  static head(path: string, count: number): Buffer {
    return readPart(path, 0, count);
  }

  names(): Iterable<string> {
    return this.#members.keys();
  }

  /** A file, links followed: old archives link to layers that several images share. */
  find(name: string): ArchivePlace | undefined {
    let path = normalized(name);
    for (let hop = 0; hop < MAX_HOPS; hop += 1) {
      const member = this.#members.get(path);
      if (member === undefined) return undefined;
      const { entry, offset } = member;
      if (entry.type === 'file') return { offset, size: entry.size };
      if (entry.type === 'hardlink') path = normalized(entry.linkName ?? '');
      else if (entry.type === 'symlink') path = normalized(`${path}/../${entry.linkName ?? ''}`);
      else return undefined;
    }
    return undefined;
  }

  /** A small file. @throws {ImageFormatError} it is missing or too large for memory. */
  read(name: string): Buffer {
    const place = this.find(name);
    if (place === undefined) throw new ImageFormatError(`the archive has no file ${name}`);
    if (place.size > MAX_MANIFEST_BYTES) throw new ImageFormatError(`${name} in the archive is too large`);
    return this.readAt(place, place.size);
  }

  /** The first bytes of a file. */
  readAt({ offset, size }: ArchivePlace, count: number): Buffer {
    return readPart(this.#path, offset, Math.min(count, size));
  }

  /** @param from where to begin, in bytes of the member. */
  open(place: ArchivePlace, from = 0, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    if (from >= place.size) return nothing();
    return createReadStream(this.#path, {
      start: place.offset + from,
      end: place.offset + place.size - 1,
      highWaterMark: READ_BYTES,
      ...(signal === undefined ? {} : { signal }),
    }) as AsyncIterable<Uint8Array>;
  }
}

function readPart(path: string, position: number, count: number): Buffer {
  const buffer = Buffer.alloc(count);
  const file = openSync(path, 'r');
  try {
    return buffer.subarray(0, readSync(file, buffer, 0, count, position));
  } finally {
    closeSync(file);
  }
}

/** `a/../b` is `b`; what leads out of the archive stays at its top. */
function normalized(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
