import { chmodSync, lstatSync, lutimesSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  decodeName,
  type Entry,
  encodeName,
  entryOf,
  LayerWriter,
  namesIn,
  readTar,
} from '../../src/layer/index.js';

/** For entries of tests: owned by root, of a fixed time. */
export function fileEntry(path: string, size: number, more: Partial<Entry> = {}): Entry {
  return { path, type: 'file', mode: 0o644, uid: 0, gid: 0, size, mtime: 1_700_000_000, ...more };
}

export function directoryEntry(path: string, more: Partial<Entry> = {}): Entry {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 1_700_000_000, ...more };
}

export function symlinkEntry(path: string, linkName: string, more: Partial<Entry> = {}): Entry {
  return {
    path,
    type: 'symlink',
    mode: 0o777,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 1_700_000_000,
    linkName,
    ...more,
  };
}

export function hardlinkEntry(path: string, linkName: string): Entry {
  return { ...fileEntry(path, 0), type: 'hardlink', linkName };
}

/** A layer of these entries, files with what stands beside them. */
export async function writeLayer(
  path: string,
  entries: readonly (Entry | readonly [Entry, string | Uint8Array])[],
) {
  const writer = LayerWriter.create(path);
  for (const item of entries) {
    if (!('path' in item))
      writer.add({ ...item[0], size: Buffer.from(item[1]).length }, Buffer.from(item[1]));
    else writer.add(item);
  }
  return { ...(await writer.finish()), path };
}

export async function* chunksOf(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function concat(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of source) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

export async function readAll(
  tar: Uint8Array,
  chunkSize = 1000,
): Promise<{ entry: Entry; content: string }[]> {
  const found: { entry: Entry; content: string }[] = [];
  for await (const { entry, content } of readTar(chunksOf(tar, chunkSize))) {
    found.push({ entry, content: (await concat(content)).toString('latin1') });
  }
  return found;
}

/** Writes files, with their folders, as owner, at a fixed time. */
export function writeFiles(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o644);
    lutimesSync(file, 1_700_000_000, 1_700_000_000);
  }
}

export type TreeFile = Readonly<{ line: string; xattrs: Record<string, string> }>;

/**
 * All below `root`, by path: type, mode, owner, time, content or target, names that share a file, attributes.
 * @param options what to leave out of it.
 */
export function describeTree(
  root: string,
  { owners = true, times = true, links = true }: { owners?: boolean; times?: boolean; links?: boolean } = {},
): Record<string, TreeFile> {
  const tree: Record<string, TreeFile> = {};
  const firstNames = new Map<string, string>();
  const visit = (directory: string) => {
    for (const name of namesIn(join(root, directory))) {
      const path = directory === '' ? name : `${directory}/${name}`;
      const file = encodeName(`${root}/${path}`);
      const stats = lstatSync(file);
      const entry = entryOf(path, file, stats);
      if (!entry) continue;
      const key = `${stats.dev}:${stats.ino}`;
      if (!firstNames.has(key)) firstNames.set(key, path);
      const line = [
        entry.type,
        entry.mode.toString(8),
        owners && `${entry.uid}:${entry.gid}`,
        times && entry.mtime,
        entry.linkName,
        entry.device && `${entry.device.major},${entry.device.minor}`,
        entry.type === 'file' && decodeName(readFileSync(file)).slice(0, 100),
        links && entry.type !== 'directory' && firstNames.get(key) !== path && `= ${firstNames.get(key)}`,
      ];
      const xattrs = [...(entry.xattrs ?? [])].map(([name, value]) => [name, value.toString('hex')]);
      tree[path] = { line: line.filter(Boolean).join(' '), xattrs: Object.fromEntries(xattrs) };
      if (entry.type === 'directory') visit(path);
    }
  };
  visit('');
  return tree;
}
