import { followLinks, type SourceEntry, type SourceTree } from '../context/source-tree.js';
import { hasWildcards, matchComponent } from '../dockerfile/index.js';
import { BuildError } from '../errors.js';

/** One source of a COPY, found. */
export type Picked = Readonly<{
  tree: SourceTree;
  /** As the Dockerfile names it. */
  text: string;
  /** What it is called in a directory that it is put into. */
  name: string;
  /** A link at the end was followed. */
  entry: SourceEntry;
  /** With `--parents`: its path below what `/./` marks. `entry` is what lies there, links not followed. */
  kept?: string;
}>;

/** `a/../b//c/` is `b/c`; `..` stops at the root. */
export function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return kept.join('/');
}

/**
 * Finds what a source means. A pattern may mean many files, or none.
 * @throws {BuildError} a plain path where nothing is.
 */
export function pickSources(tree: SourceTree, text: string): Picked[] {
  const pattern = cleanPath(text);
  if (!hasWildcards(pattern)) return [pickPath(tree, text, withoutEscapes(pattern))];
  const matches = matchParts(tree, '', pattern.split('/'));
  return matches.map((path) => pickPath(tree, text, path));
}

/**
 * The same for `--parents`: `**` means any directories, and paths are kept from `/./` on.
 * @throws {BuildError} a plain path where nothing is.
 */
export function pickWithParents(tree: SourceTree, text: string): Picked[] {
  const pivot = text.indexOf('/./');
  const base = pivot < 0 ? '' : cleanPath(text.slice(0, pivot));
  const pattern = cleanPath(pivot < 0 ? text : text.slice(pivot + 2));
  const start = followLinks(tree, base);
  if (start === undefined) throw notFound(tree, text);
  const matches = matchParts(tree, start.path, pattern === '' ? [] : pattern.split('/'));
  if (matches.length === 0 && !hasWildcards(pattern)) throw notFound(tree, text);
  return matches.flatMap((path) => {
    const entry = tree.entry(path);
    const kept = start.path === '' ? path : path.slice(start.path.length + 1);
    return entry === undefined ? [] : [{ tree, text, name: baseName(path), entry, kept }];
  });
}

/** With `--parents`: what comes along above a source, the outermost first, by its path below the destination. */
export function above({
  tree,
  entry,
  kept = '',
}: Picked): { path: string; entry: SourceEntry | undefined }[] {
  const start = entry.path.slice(0, entry.path.length - kept.length);
  const parts = kept.split('/').slice(0, -1);
  return parts.map((_, i) => {
    const path = parts.slice(0, i + 1).join('/');
    return { path, entry: tree.entry(`${start}${path}`) };
  });
}

function pickPath(tree: SourceTree, text: string, path: string): Picked {
  const entry = followLinks(tree, path);
  if (entry === undefined) {
    const target = tree.entry(path)?.linkName;
    throw target === undefined ? notFound(tree, text) : dangling(tree, path, target);
  }
  return { tree, text, name: baseName(path), entry };
}

function matchParts(tree: SourceTree, directory: string, parts: readonly string[]): string[] {
  const [part, ...rest] = parts;
  if (part === undefined) return [directory];
  const inside = (name: string) => (directory === '' ? name : `${directory}/${name}`);
  if (part === '**') {
    const deeper = tree.names(directory).filter((name) => tree.entry(inside(name))?.type === 'directory');
    const below = deeper.flatMap((name) => matchParts(tree, inside(name), parts));
    const here = rest.length > 0 ? matchParts(tree, directory, rest) : matchParts(tree, directory, ['*']);
    return [...new Set([...here, ...below])];
  }
  if (!hasWildcards(part)) {
    const found = followLinks(tree, inside(withoutEscapes(part)));
    if (found === undefined) return [];
    if (rest.length === 0) return [inside(withoutEscapes(part))];
    return found.type === 'directory' ? matchParts(tree, found.path, rest) : [];
  }
  const names = tree.names(directory).filter((name) => matchComponent(part, name));
  const found = names.filter((name) => {
    const entry = tree.entry(inside(name));
    return entry !== undefined && (rest.length === 0 || entry.type === 'directory');
  });
  return found.flatMap((name) => matchParts(tree, inside(name), rest));
}

/** A pattern without wildcards may have escapes still. */
function withoutEscapes(pattern: string): string {
  return pattern.replace(/\\(.)/g, '$1');
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function dangling(tree: SourceTree, path: string, target: string): BuildError {
  return new BuildError(
    `${JSON.stringify(path)} is a symbolic link to ${JSON.stringify(target)}, which is not in the ${tree.name}`,
  );
}

function notFound(tree: SourceTree, text: string): BuildError {
  const hint =
    tree.name === 'context' ? ' (paths are relative to the context, and .dockerignore may hide it)' : '';
  return new BuildError(`${JSON.stringify(text)} was not found in the ${tree.name}${hint}`);
}
