import { findRepositoryName, OciError, type RepositoryName } from '../../oci/index.js';
import type { Identity, KnownUser } from './authenticator.js';
import { type Glob, globAt } from './glob.js';
import type { Grants } from './grants.js';
import { ACTIONS, type Action, covers, type Scope } from './scopes.js';
import { Subjects } from './subjects.js';

/** Whoever is listed may do it; see docs/access.md for who can be listed. A missing list lists nobody. */
export type AccessRule = Readonly<{
  /** Globs over repository names. */
  repositories: readonly string[];
  pull?: readonly string[] | undefined;
  push?: readonly string[] | undefined;
  delete?: readonly string[] | undefined;
}>;

export type AccessOptions = Readonly<{
  admins?: readonly string[] | undefined;
  /** Users by name of the group, without the `@`. */
  groups?: Readonly<Record<string, readonly string[]>> | undefined;
  access?: readonly AccessRule[] | undefined;
}>;

type Ranked = Readonly<{ glob: Glob; allowed: Readonly<Record<Action, Subjects>> }>;

/**
 * Says who may do what.
 *
 * For each repository exactly one rule decides: the one with the most specific pattern that matches. That is the
 * pattern with the longest text in front of its first wildcard; then with the most text overall; then with the
 * narrower wildcard (none, `?`, `*`, `**`); then the one written first. Nobody but an admin may do anything in a
 * repository that no rule matches. Who may push or delete may also pull, since clients look before they do either.
 *
 * Without any rules, as with the reference registry, every user may do everything, and so may everybody where
 * nobody can log in. Who brings grants along, as robots do, may do what those say and what everybody may.
 */
export class AccessRules {
  readonly #rules: readonly Ranked[] | undefined;
  readonly #admins: Subjects;
  readonly #canLogIn: boolean;

  /**
   * @param environment.canLogIn whether callers can be anything but anonymous.
   * @throws {Error} naming the key and what is wrong with it.
   */
  constructor(options: AccessOptions, environment: { canLogIn: boolean }) {
    const groups = readGroups(options.groups ?? {});
    this.#canLogIn = environment.canLogIn;
    this.#admins = new Subjects(options.admins ?? [], groups, 'berth.admins');
    if (this.#admins.includes('anonymous'))
      throw new Error('berth.admins: anonymous callers cannot be admins');
    this.#rules = options.access?.length ? rank(options.access, groups) : undefined;
  }

  /** Whether callers can be anything but anonymous. */
  get canLogIn(): boolean {
    return this.#canLogIn;
  }

  /** Whether callers who do not log in can pull anything, or may be able to once it is pushed. */
  get anonymousCanPullSomething(): boolean {
    if (this.#rules === undefined) return !this.#canLogIn;
    return this.#rules.some(({ allowed }) => allowed.pull.includes('anonymous'));
  }

  /** Admins are only those listed: where none are, nobody is one. */
  isAdmin(identity: Identity): boolean {
    return !hasGrants(identity) && this.#admins.includes(identity);
  }

  /** A token never allows more than it was asked for. */
  allows(identity: Identity, action: Action, repository: RepositoryName): boolean {
    return isInScope(identity, action, repository) && this.#permits(identity, action, repository);
  }

  /** @returns of what is asked for, what `identity` may do by now. */
  granted(identity: Identity, scopes: readonly Scope[]): Scope[] {
    return scopes.map(({ repository, actions }) => {
      const name = findRepositoryName(repository);
      const asked = actions.includes('*') ? ACTIONS : ACTIONS.filter((action) => actions.includes(action));
      return {
        repository,
        actions: name ? asked.filter((action) => this.#permits(identity, action, name)) : [],
      };
    });
  }

  /** Whether `identity` may pull whatever there is. */
  seesAll(identity: Identity): boolean {
    return this.isAdmin(identity) || (this.#rules === undefined && this.#knows(identity));
  }

  #permits(identity: Identity, action: Action, repository: RepositoryName): boolean {
    if (hasGrants(identity) && identity.grants.allow(action, repository)) return true;
    if (this.isAdmin(identity)) return true;
    if (this.#rules === undefined) return this.#knows(identity);
    const rule = this.#rules.find(({ glob }) => glob.matches(repository));
    // Their names mean nothing to the rules, but nobody loses by logging in.
    return rule?.allowed[action].includes(hasGrants(identity) ? 'anonymous' : identity) ?? false;
  }

  /** Without rules this is enough. */
  #knows(identity: Identity): boolean {
    return !hasGrants(identity) && (identity !== 'anonymous' || !this.#canLogIn);
  }

  /**
   * @returns what picks the repositories that may be shown to `identity` in lists: those it may pull. Nobody can ask
   *   for a token for each of them, so scopes do not narrow a list; a token may rule lists out, though.
   */
  visible(identity: Identity): (repository: RepositoryName) => boolean {
    if (identity !== 'anonymous' && identity.lists === false) return () => false;
    // Asked once, not for each of many names: without rules, all repositories are alike.
    if (this.seesAll(identity)) return () => true;
    if (this.#rules === undefined && !hasGrants(identity)) return () => false;
    return (repository) => this.#permits(identity, 'pull', repository);
  }

  /**
   * Gives the same answer whether or not the repository exists.
   * @throws {OciError} UNAUTHORIZED: logging in may help; the caller adds the challenge. DENIED: it would not.
   */
  authorize(identity: Identity, action: Action, repository: RepositoryName): void {
    if (this.allows(identity, action, repository)) return;
    const what = `${PHRASES[action]} ${repository}`;
    if (identity !== 'anonymous') {
      if (this.#permits(identity, action, repository)) {
        throw new OciError('UNAUTHORIZED', `this token was not asked for to ${what}`);
      }
      throw new OciError(
        'DENIED',
        `user ${identity.user} may not ${what}; ask an admin of this registry for access`,
      );
    }
    if (this.#canLogIn) throw new OciError('UNAUTHORIZED', `log in to ${what}`);
    throw new OciError('DENIED', `this registry lets nobody ${what}`);
  }
}

const PHRASES: Readonly<Record<Action, string>> = { pull: 'pull', push: 'push to', delete: 'delete from' };

function hasGrants(identity: Identity): identity is KnownUser & { grants: Grants } {
  return identity !== 'anonymous' && identity.grants !== undefined;
}

function isInScope(identity: Identity, action: Action, repository: RepositoryName): boolean {
  if (identity === 'anonymous' || identity.scopes === undefined) return true;
  return covers(identity.scopes, action, repository);
}

function readGroups(groups: Readonly<Record<string, readonly string[]>>): Map<string, readonly string[]> {
  for (const [name, members] of Object.entries(groups)) {
    if (name.startsWith('@'))
      throw new Error(`berth.groups.${name}: leave out the @ where a group is defined`);
    const odd = members.find((member) => /^@|^\*$|^$/.test(member));
    if (odd === undefined) continue;
    throw new Error(
      `berth.groups.${name}: ${JSON.stringify(odd)} is not a user name; list the users themselves`,
    );
  }
  return new Map(Object.entries(groups));
}

function rank(rules: readonly AccessRule[], groups: ReadonlyMap<string, readonly string[]>): Ranked[] {
  const seen = new Map<string, string>();
  const ranked = rules.flatMap((rule, i) => {
    const allowed = readAllowed(rule, groups, `berth.access[${i}]`);
    return rule.repositories.map((pattern, j) => {
      const where = `berth.access[${i}].repositories[${j}]`;
      const twin = seen.get(pattern);
      if (twin !== undefined)
        throw new Error(`${where}: ${pattern} has its rule at ${twin} already; merge the two`);
      seen.set(pattern, where);
      return { glob: globAt(pattern, where), allowed };
    });
  });
  return ranked.sort((a, b) => moreSpecificFirst(a.glob, b.glob)); // stable: the one written first stays first
}

function moreSpecificFirst(a: Glob, b: Glob): number {
  return b.prefix.length - a.prefix.length || b.literals - a.literals || a.width - b.width;
}

function readAllowed(rule: AccessRule, groups: ReadonlyMap<string, readonly string[]>, where: string) {
  const { pull = [], push = [], delete: remove = [] } = rule;
  return {
    pull: new Subjects([...pull, ...push, ...remove], groups, `${where}.pull`),
    push: new Subjects(push, groups, `${where}.push`),
    delete: new Subjects(remove, groups, `${where}.delete`),
  };
}
