import { type Glob, globAt } from './glob.js';
import type { Action } from './scopes.js';

/** What somebody may do in some repositories. */
export type Grant = Readonly<{
  /** Globs over repository names. */
  repositories: readonly string[];
  actions: readonly Action[];
}>;

/** What somebody may do, in place of the access rules. As there, who may push or delete may also pull. */
export class Grants {
  readonly #grants: readonly Readonly<{ globs: readonly Glob[]; actions: ReadonlySet<Action> }>[];

  /** @param where they are written. @throws {Error} naming that: a pattern that no repository could match. */
  constructor(grants: readonly Grant[], where: string) {
    this.#grants = grants.map(({ repositories, actions }) => ({
      globs: repositories.map((pattern) => globAt(pattern, where)),
      actions: new Set<Action>(actions.length > 0 ? [...actions, 'pull'] : []),
    }));
  }

  allow(action: Action, repository: string): boolean {
    return this.#grants.some(
      ({ globs, actions }) => actions.has(action) && globs.some((glob) => glob.matches(repository)),
    );
  }
}
