import { DEFAULT, type Origin } from './notices.js';
import type { Config } from './schema/config.js';
import { findTree, type MapTree } from './tree.js';

/** Where each single value of the configuration comes from; empty maps and lists count as values. */
export function originsOf(config: Config, root: MapTree): ReadonlyMap<string, Origin> {
  const origins = new Map<string, Origin>();
  for (const path of valuesIn(config, [])) origins.set(path.join('.'), originOf(root, path));
  return origins;
}

function* valuesIn(value: unknown, path: readonly string[]): Generator<readonly string[]> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  if (entries.length === 0) yield path;
  for (const [key, inner] of entries) if (inner !== undefined) yield* valuesIn(inner, [...path, key]);
}

function originOf(root: MapTree, path: readonly string[]): Origin {
  for (let length = path.length; length > 0; length -= 1) {
    const tree = findTree(root, path.slice(0, length));
    if (!tree) continue;
    if (tree.kind === 'scalar' && tree.value === null) return DEFAULT;
    // A value that was written, or one that stands for the list it is now in; a map around it is not its origin.
    const written = length === path.length || tree.kind === 'scalar';
    return written ? tree.origin : DEFAULT;
  }
  return DEFAULT;
}
