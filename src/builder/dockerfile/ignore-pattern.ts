import { BadPatternError } from './match.js';

/** What a pattern says of paths. */
export type PathPattern = Readonly<{
  /** Whether it matches a whole path. */
  matches(path: string): boolean;
  /** Whether it matches some path that begins so. */
  matchesBeyond(beginning: string): boolean;
}>;

type PathMatcher = PathPattern['matches'];

type Token =
  | Readonly<{ type: 'letter'; letter: string }>
  | Readonly<{ type: 'class'; source: string; test: RegExp }>
  /** `?`, `*`, `**` in front of something, `**` at the end. */
  | Readonly<{ type: 'one' | 'run' | 'directories' | 'all' }>;

/** More runs than that, and a backtracking match might take long. */
const MAX_RUNS = 3;

/**
 * A cleaned pattern of `.dockerignore`: `*` and `?` stop at `/`, `**` does not, `[a-z]`, `\x`.
 * @throws {BadPatternError}
 */
export function compilePattern(pattern: string): PathPattern {
  const tokens = parseTokens(pattern);
  return {
    matches:
      simpleMatcher(tokens) ?? (runsIn(tokens) > MAX_RUNS ? stepMatcher(tokens) : regExpMatcher(tokens)),
    matchesBeyond: (beginning) => statesAfter(beginning, tokens).size > 0,
  };
}

function runsIn(tokens: readonly Token[]): number {
  return tokens.filter(({ type }) => type === 'run' || type === 'directories' || type === 'all').length;
}

/** Most patterns need no more than a comparison of texts. */
function simpleMatcher(tokens: readonly Token[]): PathMatcher | undefined {
  const [first, ...behind] = tokens;
  const last = tokens.at(-1);
  if (isLiteral(tokens)) {
    const text = textOf(tokens);
    return (path) => path === text;
  }
  if (last?.type === 'all' && isLiteral(tokens.slice(0, -1))) {
    const prefix = textOf(tokens.slice(0, -1));
    return (path) => path.startsWith(prefix);
  }
  if (first?.type === 'run' && isLiteral(behind)) {
    const suffix = textOf(behind);
    return (path) => path.endsWith(suffix) && !path.slice(0, path.length - suffix.length).includes('/');
  }
  if (first?.type === 'all' && isLiteral(behind)) {
    const suffix = textOf(behind);
    return (path) => path.endsWith(suffix);
  }
  if (first?.type === 'directories' && isLiteral(behind)) {
    const name = textOf(behind);
    return (path) =>
      path.endsWith(name) && (path.length === name.length || path.at(-name.length - 1) === '/');
  }
  return undefined;
}

function isLiteral(tokens: readonly Token[]): boolean {
  return tokens.every(({ type }) => type === 'letter');
}

function textOf(tokens: readonly Token[]): string {
  return tokens.map((token) => (token.type === 'letter' ? token.letter : '')).join('');
}

const SOURCES = { one: '[^/]', run: '[^/]*', directories: '(?:.*/)?', all: '.*' } as const;

function regExpMatcher(tokens: readonly Token[]): PathMatcher {
  const source = tokens.map((token) => {
    if (token.type === 'letter') return token.letter.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
    return token.type === 'class' ? token.source : SOURCES[token.type];
  });
  const regExp = new RegExp(`^${source.join('')}$`, 'su');
  return (path) => regExp.test(path);
}

function stepMatcher(tokens: readonly Token[]): PathMatcher {
  return (path) => statesAfter(path, tokens).has(tokens.length);
}

/** All ways through the pattern side by side: as long as path times pattern, whatever they are. */
function statesAfter(path: string, tokens: readonly Token[]): Set<number> {
  let states = withoutSteps(new Set([0]), tokens);
  for (const letter of path) {
    if (states.size === 0) break;
    states = withoutSteps(afterLetter(states, tokens, letter), tokens);
  }
  return states;
}

/** Between two tokens stands a whole number; half of one more is inside of `directories`. */
function afterLetter(states: ReadonlySet<number>, tokens: readonly Token[], letter: string): Set<number> {
  const next = new Set<number>();
  for (const state of states) {
    const token = tokens[Math.floor(state)];
    if (token === undefined) continue;
    if (token.type === 'directories') {
      next.add(Math.floor(state) + 0.5);
      if (letter === '/') next.add(Math.floor(state) + 1);
    } else if (token.type === 'all' || (token.type === 'run' && letter !== '/')) next.add(state);
    else if (token.type !== 'run' && matchesLetter(token, letter)) next.add(state + 1);
  }
  return next;
}

function matchesLetter(token: Token, letter: string): boolean {
  if (token.type === 'letter') return token.letter === letter;
  return token.type === 'class' ? token.test.test(letter) : letter !== '/';
}

/** What may be empty may be passed. */
function withoutSteps(states: Set<number>, tokens: readonly Token[]): Set<number> {
  for (const state of states) {
    const type = tokens[state]?.type;
    if (type === 'run' || type === 'all' || type === 'directories') states.add(state + 1);
  }
  return states;
}

function parseTokens(pattern: string): Token[] {
  const letters = [...pattern];
  const tokens: Token[] = [];
  let at = 0;
  while (at < letters.length) {
    const { token, end } = tokenAt(letters, at, pattern);
    tokens.push(token);
    at = end;
  }
  return tokens;
}

function tokenAt(letters: readonly string[], at: number, pattern: string): { token: Token; end: number } {
  const letter = letters[at] ?? '';
  if (letter === '*') return starsAt(letters, at);
  if (letter === '?') return { token: { type: 'one' }, end: at + 1 };
  if (letter === '[') return classAt(letters, at, pattern);
  if (letter !== '\\') return { token: { type: 'letter', letter }, end: at + 1 };
  const escaped = letters[at + 1];
  if (escaped === undefined) throw new BadPatternError(pattern);
  return { token: { type: 'letter', letter: escaped }, end: at + 2 };
}

/** `**.md`, with no slash and nothing else that is special, is any path that ends so. */
function starsAt(letters: readonly string[], at: number): { token: Token; end: number } {
  if (letters[at + 1] !== '*') return { token: { type: 'run' }, end: at + 1 };
  const slash = letters[at + 2] === '/';
  const end = slash ? at + 3 : at + 2;
  if (end >= letters.length) return { token: { type: 'all' }, end };
  const bare = at === 0 && !slash && letters.slice(end).every((letter) => !'*?[\\'.includes(letter));
  return { token: { type: bare ? 'all' : 'directories' }, end };
}

function classAt(letters: readonly string[], start: number, pattern: string): { token: Token; end: number } {
  let at = start + 1;
  const negated = letters[at] === '^';
  if (negated) at += 1;
  const ranges: string[] = [];
  while (letters[at] !== ']' || ranges.length === 0) {
    const low = classLetter(letters, at, pattern);
    const high = letters[low.end] === '-' ? classLetter(letters, low.end + 1, pattern) : low;
    if (low.letter <= high.letter) ranges.push(`${escaped(low.letter)}-${escaped(high.letter)}`);
    else ranges.push('');
    at = high.end;
  }
  const source = `(?!/)[${negated ? '^' : ''}${ranges.join('')}]`;
  return { token: { type: 'class', source, test: new RegExp(`^${source}$`, 'su') }, end: at + 1 };
}

function classLetter(
  letters: readonly string[],
  at: number,
  pattern: string,
): { letter: string; end: number } {
  const letter = letters[at];
  const next = letters[at + 1];
  if (letter === undefined || letter === '-' || letter === ']') throw new BadPatternError(pattern);
  if (letter !== '\\') return { letter, end: at + 1 };
  if (next === undefined) throw new BadPatternError(pattern);
  return { letter: next, end: at + 2 };
}

function escaped(letter: string): string {
  return `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}`;
}
