import type { Scope } from './scopes.js';

type Entry = Readonly<{ type?: unknown; name?: unknown; actions?: unknown }>;

/** What the `access` of a token says about repositories; whatever else is in it is left out. distribution spec auth/jwt.md. */
export function scopesIn(access: unknown): Scope[] {
  return entriesIn(access).flatMap(({ type, name, actions }): Scope[] => {
    const isScope = type === 'repository' && typeof name === 'string' && Array.isArray(actions);
    return isScope ? [{ repository: name, actions: actions.map(String) }] : [];
  });
}

/** Whether it lets list all repositories. */
export function listsIn(access: unknown): boolean {
  return entriesIn(access).some(
    ({ type, name, actions }) =>
      type === 'registry' && name === 'catalog' && Array.isArray(actions) && actions.includes('*'),
  );
}

function entriesIn(access: unknown): readonly Entry[] {
  if (!Array.isArray(access)) return [];
  return access.filter((entry): entry is Entry => typeof entry === 'object' && entry !== null);
}
