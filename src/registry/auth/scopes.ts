export const ACTIONS = ['pull', 'push', 'delete'] as const;
export type Action = (typeof ACTIONS)[number];

/** A repository and what a token may be used for there. */
export type Scope = Readonly<{ repository: string; actions: readonly string[] }>;

/** More than any client asks for, and few enough for a token to fit a header. */
const MAX_SCOPES = 100;

/**
 * Reads what clients ask tokens for: several parameters, several scopes in one, in any mix. What is no scope of a
 * repository limits nothing here and is left out: asking for too much is never an error.
 * @returns one for each repository.
 * @see distribution spec auth/scope.md, "Resource Scope Grammar"; auth/token.md
 */
export function parseScopes(parameters: readonly string[]): Scope[] {
  const merged = new Map<string, Set<string>>();
  for (const { repository, actions } of parameters.flatMap((text) => text.split(/\s+/)).flatMap(parseScope)) {
    const known = merged.get(repository) ?? new Set();
    for (const action of actions) known.add(action);
    merged.set(repository, known);
  }
  return [...merged]
    .slice(0, MAX_SCOPES)
    .map(([repository, actions]) => ({ repository, actions: [...actions] }));
}

/** Whether a list of all repositories is asked for, too. distribution spec auth/scope.md. */
export function asksForLists(parameters: readonly string[]): boolean {
  return parameters.some((parameter) => parameter.split(/\s+/).includes('registry:catalog:*'));
}

/** The name may begin with `host:port/`, so that the first and the last colon count. */
function parseScope(text: string): Scope[] {
  const [, repository, actions = ''] = /^repository(?:\([^():]*\))?:(.+):([^:]*)$/.exec(text) ?? [];
  return repository === undefined ? [] : [{ repository, actions: actions.split(',') }];
}

/** As in the rules, whoever may push or delete may also pull: clients look before they do either. */
export function covers(scopes: readonly Scope[], action: Action, repository: string): boolean {
  const actions = scopes.filter((scope) => scope.repository === repository).flatMap((scope) => scope.actions);
  if (actions.includes(action) || actions.includes('*')) return true;
  return action === 'pull' && (actions.includes('push') || actions.includes('delete'));
}

/** What to ask a token for. @see distribution spec auth/scope.md */
export function scopeOf(action: Action, repository: string): string {
  return `repository:${repository}:${action === 'push' ? 'pull,push' : action}`;
}
