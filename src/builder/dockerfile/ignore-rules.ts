import { compilePattern, type PathPattern } from './ignore-pattern.js';
import { BadPatternError } from './match.js';

/** A line of an ignore file that makes no sense. */
export class IgnoreRulesError extends Error {
  override readonly name = 'IgnoreRulesError';
}

type Rule = PathPattern & Readonly<{ keeps: boolean }>;

/** Directories whose verdicts are remembered at a time. */
const MAX_REMEMBERED = 10_000;

/**
 * `.dockerignore`, and `--exclude`, as moby/patternmatcher reads them. Paths have no slash at either end; what rules
 * say of a directory holds for all below it, unless a later rule with `!` brings it back.
 */
export class IgnoreRules {
  readonly #rules: readonly Rule[];
  /** For each rule whether it hits the directory or one above it. */
  readonly #hits = new Map<string, Uint8Array>();

  private constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  /**
   * Reads a file.
   * @param name of the file, for messages.
   * @throws {IgnoreRulesError} a malformed pattern, or `!` alone.
   */
  static parse(text: string, name = '.dockerignore'): IgnoreRules {
    const lines = text.replace(/^\uFEFF/, '').split('\n');
    return new IgnoreRules(
      lines.flatMap((line, i) => (line.startsWith('#') ? [] : (parseLine(line, `${name}:${i + 1}`) ?? []))),
    );
  }

  /**
   * Patterns as they would stand in lines of a file.
   * @throws {IgnoreRulesError}
   */
  static of(patterns: readonly string[]): IgnoreRules {
    return new IgnoreRules(patterns.flatMap((pattern) => parseRule(pattern) ?? []));
  }

  /** There is nothing to ask. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** Whether a path is out. */
  ignores(path: string): boolean {
    const slash = path.lastIndexOf('/');
    const above = slash < 0 ? undefined : this.#hitsOf(path.slice(0, slash));
    let ignored = false;
    this.#rules.forEach((rule, index) => {
      // A rule that would change nothing is not asked.
      if (rule.keeps !== ignored) return;
      if (above?.[index] === 1 || rule.matches(path)) ignored = !rule.keeps;
    });
    return ignored;
  }

  /** Whether something below an ignored directory may be kept: if not, nobody need look there. */
  mayContainKept(directory: string): boolean {
    return this.#rules.some(
      (rule, index) =>
        rule.keeps && (this.#hitsOf(directory)[index] === 1 || rule.matchesBeyond(`${directory}/`)),
    );
  }

  #hitsOf(directory: string): Uint8Array {
    const known = this.#hits.get(directory);
    if (known !== undefined) return known;
    const slash = directory.lastIndexOf('/');
    const above = slash < 0 ? undefined : this.#hitsOf(directory.slice(0, slash));
    const hits = Uint8Array.from(this.#rules, (rule, index) =>
      above?.[index] === 1 || rule.matches(directory) ? 1 : 0,
    );
    if (this.#hits.size >= MAX_REMEMBERED) this.#hits.clear();
    this.#hits.set(directory, hits);
    return hits;
  }
}

function parseLine(line: string, place: string): Rule | undefined {
  try {
    return parseRule(line);
  } catch (error) {
    if (!(error instanceof IgnoreRulesError)) throw error;
    throw new IgnoreRulesError(`${place}: ${error.message}`, { cause: error });
  }
}

function parseRule(line: string): Rule | undefined {
  const trimmed = line.trim();
  if (trimmed === '') return undefined;
  const keeps = trimmed.startsWith('!');
  const written = keeps ? trimmed.slice(1).trim() : trimmed;
  if (written === '')
    throw new IgnoreRulesError('a rule of only "!" keeps nothing: write the pattern behind it');
  const pattern = cleaned(written);
  try {
    return { keeps, ...compilePattern(pattern) };
  } catch (error) {
    if (error instanceof BadPatternError) throw new IgnoreRulesError(error.message, { cause: error });
    throw error;
  }
}

/** Go's filepath.Clean, then without a slash in front. */
function cleaned(pattern: string): string {
  const rooted = pattern.startsWith('/');
  const kept: string[] = [];
  for (const part of pattern.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!rooted) kept.push(part);
  }
  return kept.join('/') || (rooted ? '/' : '.');
}
