/** A pattern that can match nothing, since it is malformed. */
export class BadPatternError extends Error {
  override readonly name = 'BadPatternError';

  constructor(pattern: string) {
    super(`bad pattern ${JSON.stringify(pattern)}: a bracket or an escape is not finished`);
  }
}

/** Whether `pattern` means more than itself to {@link matchComponent}. */
export function hasWildcards(pattern: string): boolean {
  return /[*?[\\]/.test(pattern);
}

type Token =
  | Readonly<{ type: 'letter'; letter: string }>
  | Readonly<{ type: 'one' }>
  | Readonly<{ type: 'run' }>
  | Readonly<{ type: 'class'; negated: boolean; ranges: readonly (readonly [string, string])[] }>;

/**
 * Go's filepath.Match: `*` and `?` (never a `/`), `[a-z]`, `[^a-z]`, `\x`. The whole name must match.
 * @throws {BadPatternError}
 */
export function matchComponent(pattern: string, name: string): boolean {
  return matchTokens(parsePattern(pattern), [...name]);
}

/** Goes back to the last `*` only, so that no pattern takes longer than the product of both lengths. */
function matchTokens(tokens: readonly Token[], letters: readonly string[]): boolean {
  let token = 0;
  let letter = 0;
  let retry: { token: number; letter: number } | undefined;
  while (letter < letters.length) {
    const current = tokens[token];
    if (current?.type === 'run') {
      token += 1;
      retry = { token, letter };
    } else if (current !== undefined && matchesOne(current, letters[letter] ?? '')) {
      token += 1;
      letter += 1;
    } else if (retry !== undefined && letters[retry.letter] !== '/') {
      retry = { token: retry.token, letter: retry.letter + 1 };
      ({ token, letter } = retry);
    } else return false;
  }
  return tokens.slice(token).every(({ type }) => type === 'run');
}

function matchesOne(token: Token, letter: string): boolean {
  switch (token.type) {
    case 'letter':
      return token.letter === letter;
    case 'one':
      return letter !== '/';
    case 'class':
      return (
        letter !== '/' && token.ranges.some(([low, high]) => inRange(letter, low, high)) !== token.negated
      );
    default:
      return false;
  }
}

function inRange(letter: string, low: string, high: string): boolean {
  const point = letter.codePointAt(0) ?? 0;
  return (low.codePointAt(0) ?? 0) <= point && point <= (high.codePointAt(0) ?? 0);
}

function parsePattern(pattern: string): Token[] {
  const letters = [...pattern];
  const tokens: Token[] = [];
  let at = 0;
  while (at < letters.length) {
    const letter = letters[at] ?? '';
    if (letter === '[') {
      const { token, end } = parseClass(letters, at + 1, pattern);
      tokens.push(token);
      at = end;
    } else if (letter === '\\') {
      tokens.push({ type: 'letter', letter: escapedAt(letters, at, pattern) });
      at += 2;
    } else {
      tokens.push(simpleToken(letter));
      at += 1;
    }
  }
  return tokens;
}

function simpleToken(letter: string): Token {
  if (letter === '*') return { type: 'run' };
  return letter === '?' ? { type: 'one' } : { type: 'letter', letter };
}

function escapedAt(letters: readonly string[], at: number, pattern: string): string {
  const letter = letters[at + 1];
  if (letter === undefined) throw new BadPatternError(pattern);
  return letter;
}

/** Reads from behind `[` to behind `]`. At least one range; `]` and `-` must be escaped to stand for themselves. */
function parseClass(
  letters: readonly string[],
  start: number,
  pattern: string,
): { token: Token; end: number } {
  const negated = letters[start] === '^';
  const ranges: [string, string][] = [];
  let at = negated ? start + 1 : start;
  while (letters[at] !== ']' || ranges.length === 0) {
    const low = classLetter(letters, at, pattern);
    at = low.end;
    const high = letters[at] === '-' ? classLetter(letters, at + 1, pattern) : low;
    at = high.end;
    ranges.push([low.letter, high.letter]);
  }
  return { token: { type: 'class', negated, ranges }, end: at + 1 };
}

function classLetter(
  letters: readonly string[],
  at: number,
  pattern: string,
): { letter: string; end: number } {
  const letter = letters[at];
  if (letter === undefined || letter === '-' || letter === ']') throw new BadPatternError(pattern);
  if (letter !== '\\') return { letter, end: at + 1 };
  return { letter: escapedAt(letters, at, pattern), end: at + 2 };
}
