import { findRepositoryName } from '../../oci/index.js';
import { type Glob, globAt, parseClaimGlob, parseGlob } from './glob.js';
import { type Grant, Grants } from './grants.js';

/** Jobs for which all of the claims are so may do that. */
export type JobRule = Grant &
  Readonly<{
    /** Names of claims to globs over their values, of which one must match. */
    claims: Readonly<Record<string, readonly string[]>>;
  }>;

type Compiled = JobRule & Readonly<{ globs: readonly (readonly [claim: string, globs: readonly Glob[]])[] }>;

/** `{project_path}` in the name of a repository stands for the claim. */
const PLACEHOLDER = /\{(\w+)\}/g;

/** What jobs may do, by what their CI service says of them. */
export class JobRules {
  readonly #rules: readonly Compiled[];
  /** The claims that any rule asks for. */
  readonly claims: readonly string[];

  /** @param where they are written. @throws {Error} naming the place of a pattern that nothing could match. */
  constructor(rules: readonly JobRule[], where: string) {
    this.#rules = rules.map((rule, i) => compile(rule, `${where}[${i}]`));
    const placeholders = rules.flatMap(({ repositories }) =>
      repositories.flatMap((pattern) => [...pattern.matchAll(PLACEHOLDER)].map(([, claim = '']) => claim)),
    );
    this.claims = [...new Set([...rules.flatMap(({ claims }) => Object.keys(claims)), ...placeholders])];
  }

  /** @returns what all rules allow together that match; `undefined` if none does. */
  grantsFor(claims: Readonly<Record<string, string>>): Grants | undefined {
    const rules = this.#rules.filter(({ globs }) => globs.every((each) => holds(each, claims)));
    if (rules.length === 0) return undefined;
    const grants = rules.map(({ repositories, actions }) => ({
      repositories: repositories.flatMap((pattern) => filledIn(pattern, claims)),
      actions,
    }));
    return new Grants(grants, 'the claims of a job');
  }
}

function compile(rule: JobRule, where: string): Compiled {
  for (const [i, pattern] of rule.repositories.entries())
    globAt(pattern.replace(PLACEHOLDER, 'a'), `${where}.repositories[${i}]`, parseGlob);
  const globs = Object.entries(rule.claims).map(
    ([claim, patterns]) =>
      [
        claim,
        patterns.map((pattern) => globAt(pattern, `${where}.claims.${claim}`, parseClaimGlob)),
      ] as const,
  );
  return { ...rule, globs };
}

function holds([claim, globs]: Compiled['globs'][number], claims: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  return value !== undefined && globs.some((glob) => glob.matches(value));
}

/** Nothing, for a claim that is no name of a repository: it must not bring wildcards or slashes along. */
function filledIn(pattern: string, claims: Readonly<Record<string, string>>): string[] {
  let whole = true;
  const filled = pattern.replace(PLACEHOLDER, (_, claim: string) => {
    const value = Object.hasOwn(claims, claim)
      ? findRepositoryName((claims[claim] ?? '').toLowerCase())
      : undefined;
    whole &&= value !== undefined;
    return value ?? '';
  });
  return whole && isGlob(filled) ? [filled] : [];
}

function isGlob(pattern: string): boolean {
  try {
    parseGlob(pattern);
    return true;
  } catch {
    return false;
  }
}
