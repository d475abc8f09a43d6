import type { Notice } from './notices.js';
import { findTree, type MapTree, type Tree } from './tree.js';

/** Old names of keys to the newest ones. The environment is applied before, under either name. */
const MOVED: readonly (readonly [from: string, to: string])[] = [
  ['loglevel', 'log.level'],
  ['storage.s3aws', 'storage.s3'],
  ['storage.cache.layerinfo', 'storage.cache.blobdescriptor'],
  ['redis.addr', 'redis.addrs'],
  ['redis.pool.maxidle', 'redis.maxidleconns'],
  ['redis.pool.maxactive', 'redis.maxactiveconns'],
  ['redis.pool.idletimeout', 'redis.connmaxidletime'],
  ['redis.tls.clientcas', 'redis.tls.rootcas'],
];

/**
 * Moves values from old spellings to the newest ones, in place.
 * @returns a notice for each value that stays behind because the newest spelling has one too.
 */
export function modernise(root: MapTree): Notice[] {
  for (const name of ['storage', 'auth']) {
    const tree = root.entries.get(name);
    if (tree) root.entries.set(name, expandName(tree));
  }
  spellNone(root.entries.get('auth'));
  return MOVED.flatMap(([from, to]) => {
    const left = move(root, from.split('.'), to.split('.'));
    return left
      ? [{ level: 'warn', key: from, message: `has no effect, since ${to} is set`, origin: left.origin }]
      : [];
  });
}

/** `storage: inmemory` means `storage: { inmemory: {} }`; anything else stays as it is. */
export function expandName(tree: Tree): Tree {
  if (tree.kind !== 'scalar' || tree.value === null) return tree;
  const empty: Tree = { kind: 'map', origin: tree.origin, entries: new Map() };
  return { kind: 'map', origin: tree.origin, entries: new Map([[tree.text, empty]]) };
}

/** The reference takes this one name in any case. */
function spellNone(auth: Tree | undefined): void {
  if (auth?.kind !== 'map') return;
  for (const [name, tree] of [...auth.entries]) {
    if (name === 'none' || name.toLowerCase() !== 'none') continue;
    auth.entries.delete(name);
    auth.entries.set('none', tree);
  }
}

/** @returns the value, if it could not be moved. */
function move(root: MapTree, from: readonly string[], to: readonly string[]): Tree | undefined {
  const old = findTree(root, from.slice(0, -1));
  const value = findTree(root, from);
  if (old?.kind !== 'map' || !value) return undefined;
  const parent = sectionAt(root, to.slice(0, -1), value);
  const name = to.at(-1) ?? '';
  const current = parent?.entries.get(name);
  if (!parent || (current && !isUnset(current))) return isUnset(value) ? undefined : value;
  parent.entries.set(name, to.join('.') === 'redis.addrs' ? listOf(value) : value);
  old.entries.delete(from.at(-1) ?? '');
  return undefined;
}

/** The section at this place, made if nothing was written there. */
function sectionAt(root: MapTree, path: readonly string[], like: Tree): MapTree | undefined {
  let section = root;
  for (const name of path) {
    let next = section.entries.get(name);
    if (!next || isUnset(next)) {
      next = { kind: 'map', origin: like.origin, entries: new Map() };
      section.entries.set(name, next);
    }
    if (next.kind !== 'map') return undefined;
    section = next;
  }
  return section;
}

function listOf(value: Tree): Tree {
  return isUnset(value) ? value : { kind: 'list', origin: value.origin, items: [value] };
}

function isUnset(tree: Tree): boolean {
  return tree.kind === 'scalar' && tree.value === null;
}
