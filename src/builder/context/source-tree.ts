import type { Entry, LayerWriter } from '../../layer/index.js';

/** What COPY finds in a tree. Hard links are files here, known by their `linkId`. */
export type SourceEntry = Omit<Entry, 'type' | 'path'> &
  Readonly<{
    /** Relative to the tree's root, which is `''`. */
    path: string;
    type: Exclude<Entry['type'], 'hardlink'>;
    /** The same for all names of one file that has several. */
    linkId?: string;
  }>;

/** Files that COPY and ADD can take: a directory, an image, the result of a stage. */
export interface SourceTree {
  /** For messages: `context`, `stage build`. */
  readonly name: string;
  /** The entry itself, links not followed; nothing that is ignored. */
  entry(path: string): SourceEntry | undefined;
  /** Names in a directory, sorted by bytes. */
  names(directory: string): readonly string[];
  /** The digest of a file's content, when it is known without reading it. */
  knownDigest(file: SourceEntry): string | undefined;
  /** Reads a file for its digest, in hexadecimal. */
  digest(file: SourceEntry): Promise<string>;
  /** Writes a file as `target`, reading it once. @returns its digest. */
  addTo(writer: LayerWriter, target: Entry, file: SourceEntry): Promise<string> | string;
  /** The content of a file. A chunk's memory is used again for the next one. */
  chunks(file: SourceEntry): Iterable<Uint8Array>;
  /** Whether what was seen at a path and below it is different by now. Absent where nothing ever changes. */
  hasChanged?(path: string): boolean;
}

/** The whole of a small file, or its beginning. */
export function readStart(tree: SourceTree, file: SourceEntry, maxBytes: number): Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  for (const chunk of tree.chunks(file)) {
    parts.push(Buffer.from(chunk));
    size += chunk.byteLength;
    if (size >= maxBytes) break;
  }
  return Buffer.concat(parts).subarray(0, maxBytes);
}

/** Symbolic links that are followed before it must be a loop. As the kernel. */
const MAX_LINKS = 40;

/** Where a path leads inside a tree; links never lead out of it. @returns undefined when it leads nowhere. */
export function followLinks(tree: Pick<SourceTree, 'entry'>, path: string): SourceEntry | undefined {
  let links = 0;
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  let at: string[] = [];
  let found = tree.entry('');
  while (parts.length > 0) {
    const part = parts.shift() ?? '';
    if (part === '..') {
      at.pop();
      found = tree.entry(at.join('/'));
      continue;
    }
    found = tree.entry([...at, part].join('/'));
    if (found === undefined) return undefined;
    if (found.type !== 'symlink') {
      at.push(part);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return undefined;
    const target = found.linkName ?? '';
    if (target.startsWith('/')) at = [];
    parts.unshift(...target.split('/').filter((step) => step !== '' && step !== '.'));
    found = tree.entry(at.join('/'));
  }
  return found;
}
