/** What a token allows: actions on one resource. distribution docs/content/spec/auth/scope.md. */
export type Scope = Readonly<{ type: string; name: string; actions: readonly string[] }>;

export function repositoryScope(name: string, ...actions: readonly string[]): Scope {
  return { type: 'repository', name, actions };
}

export const CATALOG_SCOPE: Scope = { type: 'registry', name: 'catalog', actions: ['*'] };

/** Reads `type:name:action,action`, several separated by spaces. Names may hold colons; what is no scope is left out. */
export function parseScopes(text: string): Scope[] {
  return text.split(/\s+/).flatMap((part) => {
    const [, type = '', name = '', actions = ''] = /^([^:]+):(.+):([^:]*)$/.exec(part) ?? [];
    return type === '' ? [] : [{ type, name, actions: actions.split(',').filter((action) => action !== '') }];
  });
}

export function formatScope({ type, name, actions }: Scope): string {
  return `${type}:${name}:${actions.join(',')}`;
}

/** One scope for each resource with all its actions, in an order that depends on nothing but the scopes. */
export function mergeScopes(scopes: readonly Scope[]): Scope[] {
  const merged = new Map<string, { type: string; name: string; actions: Set<string> }>();
  for (const { type, name, actions } of scopes) {
    const key = `${type}:${name}`;
    const known = merged.get(key) ?? { type, name, actions: new Set<string>() };
    for (const action of actions) known.actions.add(action);
    merged.set(key, known);
  }
  return [...merged.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { type, name, actions }]) => ({ type, name, actions: [...actions].toSorted() }));
}

/** Whether a token for `granted` also does for `wanted`. */
export function coversScopes(granted: readonly Scope[], wanted: readonly Scope[]): boolean {
  return wanted.every(({ type, name, actions }) =>
    granted.some(
      (scope) =>
        scope.type === type &&
        scope.name === name &&
        actions.every((action) => scope.actions.includes(action)),
    ),
  );
}
