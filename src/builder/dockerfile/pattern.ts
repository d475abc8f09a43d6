/** A pattern of `${name#pattern}` that escapes what needs none. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** A character that must be there, any one character, or any run of them. */
type Token = string | typeof ONE | typeof RUN;
const ONE = 1;
const RUN = 2;

/** Of all replacements in one value together. */
const MAX_ADDED = 1024 * 1024;

type Length = Readonly<{ longest: boolean }>;

/** `${value#pattern}`, or `##` for the longest. */
export function cutPrefix(value: string, pattern: string, { longest }: Length, escapeWith = '\\'): string {
  const letters = [...value];
  const end = matchEnd(letters, 0, parsePattern(pattern, escapeWith), { longest });
  return end === undefined ? value : letters.slice(end).join('');
}

/** `${value%pattern}`, or `%%` for the longest. */
export function cutSuffix(value: string, pattern: string, { longest }: Length, escapeWith = '\\'): string {
  const letters = [...value].reverse();
  const end = matchEnd(letters, 0, parsePattern(pattern, escapeWith).reverse(), { longest });
  return end === undefined ? value : letters.slice(end).reverse().join('');
}

/** `${value/pattern/replacement}`, or `//` for all. What matches is as long as can be; it may be nothing at all. */
export function replacePattern(
  value: string,
  pattern: string,
  replacement: string,
  { all }: Readonly<{ all: boolean }>,
  escapeWith = '\\',
): string {
  const letters = [...value];
  const tokens = parsePattern(pattern, escapeWith);
  const out: string[] = [];
  let at = 0;
  let lastEnd = -1;
  let added = 0;
  while (at <= letters.length) {
    const end = mayBegin(tokens, letters[at]) ? matchEnd(letters, at, tokens, { longest: true }) : undefined;
    // A run at the beginning would have taken in whatever a later match begins with.
    if (end === undefined && tokens[0] === RUN) break;
    const found = end !== undefined && !(end === at && at === lastEnd);
    if (found) {
      added += replacement.length;
      if (added > MAX_ADDED) throw new PatternError(`it expands to more than ${MAX_ADDED} characters`);
      out.push(replacement);
    }
    if (!found || end === at) out.push(letters[at++] ?? '');
    else at = end;
    if (found) lastEnd = end;
    if (found && !all) return [...out, ...letters.slice(at)].join('');
  }
  return [...out, ...letters.slice(at)].join('');
}

function mayBegin([first]: readonly Token[], letter: string | undefined): boolean {
  return typeof first !== 'string' || first === letter;
}

function parsePattern(pattern: string, escapeWith: string): Token[] {
  const tokens: Token[] = [];
  const letters = [...pattern];
  for (let at = 0; at < letters.length; at += 1) {
    const letter = letters[at] ?? '';
    if (letter === '*') {
      if (tokens.at(-1) !== RUN) tokens.push(RUN);
    } else if (letter === '?') tokens.push(ONE);
    else if (letter === escapeWith) {
      at += 1;
      tokens.push(escapedLetter(letters[at], pattern, escapeWith));
    } else tokens.push(letter);
  }
  return tokens;
}

/** `}` and `/` are escaped for the sake of what is around the pattern. */
function escapedLetter(letter: string | undefined, pattern: string, escapeWith: string): string {
  if (letter !== undefined && ['*', '?', '}', '/', escapeWith].includes(letter)) return letter;
  throw new PatternError(
    `invalid pattern (${pattern}) in substitution: invalid escape '${escapeWith}${letter ?? ''}'`,
  );
}

/**
 * All ways through the pattern side by side, so that time is bounded by both lengths, whatever the pattern.
 * @returns where a match from `start` ends, the nearest or the farthest such place.
 */
function matchEnd(
  letters: readonly string[],
  start: number,
  tokens: readonly Token[],
  { longest }: Length,
): number | undefined {
  let states = skipRuns(new Set([0]), tokens);
  let end: number | undefined;
  for (let at = start; ; at += 1) {
    if (states.has(tokens.length)) {
      end = at;
      if (!longest || states.size === 1) return end;
    }
    const letter = letters[at];
    if (letter === undefined || states.size === 0) return end;
    states = skipRuns(stepped(states, tokens, letter), tokens);
  }
}

function stepped(states: ReadonlySet<number>, tokens: readonly Token[], letter: string): Set<number> {
  const next = new Set<number>();
  for (const state of states) {
    const token = tokens[state];
    if (token === RUN) next.add(state);
    else if (token === ONE || token === letter) next.add(state + 1);
  }
  return next;
}

/** A run may be empty. */
function skipRuns(states: Set<number>, tokens: readonly Token[]): Set<number> {
  for (const state of states) if (tokens[state] === RUN) states.add(state + 1);
  return states;
}
