import type { Identity } from './authenticator.js';

/**
 * A list of who is meant: user names, `@group`, `*` for every user who logged in, and `anonymous` for everybody,
 * logged in or not.
 */
export class Subjects {
  readonly #users: ReadonlySet<string>;
  readonly #anyUser: boolean;
  readonly #everybody: boolean;

  /**
   * @param groups user names by name of the group.
   * @param where the key of the list, for messages.
   * @throws {Error} a group that is not defined, or an empty name.
   */
  constructor(names: readonly string[], groups: ReadonlyMap<string, readonly string[]>, where: string) {
    this.#everybody = names.includes('anonymous');
    this.#anyUser = names.includes('*');
    this.#users = new Set(names.flatMap((name) => usersOf(name, groups, where)));
  }

  includes(identity: Identity): boolean {
    if (this.#everybody) return true;
    if (identity === 'anonymous') return false;
    return this.#anyUser || this.#users.has(identity.user);
  }
}

function usersOf(
  name: string,
  groups: ReadonlyMap<string, readonly string[]>,
  where: string,
): readonly string[] {
  if (name === 'anonymous' || name === '*') return [];
  if (name === '') throw new Error(`${where}: a user name is empty`);
  if (!name.startsWith('@')) return [name];
  const users = groups.get(name.slice(1));
  if (users !== undefined) return users;
  throw new Error(
    `${where}: there is no group ${name}; define it under berth.groups, or leave out the @ for a user`,
  );
}
