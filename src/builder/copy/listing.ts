import { createHash, type Hash } from 'node:crypto';
import { joinPath, Pace } from '../../layer/index.js';
import type { SourceEntry } from '../context/source-tree.js';
import { above, type Picked } from './sources.js';

/** A part of a source. `path` is relative to the source, and empty for itself. */
export type Item = Readonly<{ path: string; entry: SourceEntry }>;
/** All that one source brings, a directory before what is in it. */
export type Listed = Readonly<{ picked: Picked; items: readonly Item[] }>;
export type Excluding = Readonly<{
  ignores(path: string): boolean;
  mayContainKept(directory: string): boolean;
}>;

/** Characters of lines. */
const GATHERED_LENGTH = 64 * 1024;

/** Lists what a source brings. @param exclude matched against paths below the source, or the name of a file. */
export async function listSource(picked: Picked, exclude: Excluding | undefined): Promise<Listed> {
  const { tree, entry, name, kept } = picked;
  if (entry.type !== 'directory') {
    const isExcluded = exclude?.ignores(kept ?? name) === true;
    return { picked, items: isExcluded ? [] : [{ path: '', entry }] };
  }
  const items: Item[] = [{ path: '', entry }];
  const pace = new Pace();
  const prefix = kept ?? '';
  const visit = async (directory: string, path: string): Promise<void> => {
    for (const child of tree.names(directory)) {
      const at = joinPath(directory, child);
      const below = joinPath(path, child);
      const matched = prefix === '' ? below : `${prefix}/${below}`;
      const isExcluded = exclude?.ignores(matched) === true;
      if (isExcluded && exclude?.mayContainKept(matched) === false) continue;
      const found = tree.entry(at);
      if (found === undefined || (isExcluded && found.type !== 'directory')) continue;
      const position = items.length;
      items.push({ path: below, entry: found });
      if (found.type === 'directory') await visit(at, below);
      if (isExcluded && items.length === position + 1) items.pop(); // nothing in it was kept
      if (pace.isDue()) await pace.breathe();
    }
  };
  await visit(entry.path, '');
  return { picked, items };
}

/**
 * What a listing would put into a layer, apart from times, as a hash: equal for equal trees wherever they lie.
 * @param options `digestOf`: of the content of files; without it the hash says only what the files look like from outside.
 */
export function hashListing(listing: readonly Listed[], options: HashOptions): string {
  const lines = new HashedLines();
  for (const { picked, items } of listing) {
    lines.add(JSON.stringify([picked.text, picked.name, picked.kept ?? null]));
    const links = new Map<string, number>();
    for (const { path, entry } of above(picked)) {
      if (entry?.type === 'directory') lines.add(lineOf({ path, entry }, 0, links, options));
    }
    for (const [i, item] of items.entries()) {
      const isMerged = item.path === '' && item.entry.type === 'directory' && picked.kept === undefined;
      lines.add(isMerged && options.top === 'merged' ? 'merged' : lineOf(item, i, links, options));
    }
  }
  return lines.digest();
}

/** The hash of lines, which are gathered: to hash each by itself takes longer than to make it. */
class HashedLines {
  readonly #hash: Hash = createHash('sha256');
  #text = '';

  add(line: string): void {
    this.#text += `${line}\n`;
    if (this.#text.length < GATHERED_LENGTH) return;
    this.#hash.update(this.#text);
    this.#text = '';
  }

  digest(): string {
    return this.#hash.update(this.#text).digest('hex');
  }
}

export type HashOptions = Readonly<{
  ownership: 'root' | 'keep';
  /** `merged`: what is in a directory counts, and not what the directory itself looks like. */
  top: 'merged' | 'shown';
  digestOf?: (file: SourceEntry) => string;
}>;

function lineOf(
  { path, entry }: Item,
  position: number,
  links: Map<string, number>,
  { ownership, digestOf }: HashOptions,
): string {
  const owner = ownership === 'keep' ? [entry.uid, entry.gid] : [];
  const first = entry.linkId === undefined ? undefined : links.get(entry.linkId);
  if (entry.linkId !== undefined && first === undefined) links.set(entry.linkId, position);
  const content = entry.type === 'file' && digestOf ? digestOf(entry) : '';
  const rare = [entry.linkName ?? 0, entry.device ?? 0, first ?? 0, xattrsOf(entry)];
  const isPlain = rare.every((value) => value === 0);
  const fields = [path, entry.type, entry.mode, ...owner, entry.size, content, ...(isPlain ? [] : rare)];
  return JSON.stringify(fields);
}

function xattrsOf({ xattrs }: SourceEntry): unknown {
  if (xattrs === undefined || xattrs.size === 0) return 0;
  return [...xattrs].map(([name, value]) => [name, value.toString('hex')]).sort();
}
