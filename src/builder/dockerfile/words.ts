import { SyntaxProblem } from './errors.js';

/** Blanks between arguments. */
const BLANKS = /[\t\v\f\r ]+/;

/** Splits at blanks, whatever the quotes. */
export function splitBlanks(text: string): string[] {
  const trimmed = text.trim();
  return trimmed === '' ? [] : trimmed.split(BLANKS);
}

/** The first word and all behind it. */
export function splitFirst(text: string): [first: string, rest: string | undefined] {
  const found = BLANKS.exec(text);
  if (found === null) return [text, undefined];
  return [text.slice(0, found.index), text.slice(found.index + found[0].length)];
}

/**
 * Splits at blanks that are not quoted or escaped. Quotes and escapes stay in the words, for expand.ts to take out;
 * an escape character at the very end is dropped.
 */
export function splitWords(text: string, escapeWith: string): string[] {
  const words: string[] = [];
  let start = -1;
  let quote = '';
  let at = 0;
  for (; at < text.length; at += 1) {
    const letter = text[at] ?? '';
    if (quote === '' && /\s/.test(letter)) {
      if (start >= 0) words.push(text.slice(start, at));
      start = -1;
      continue;
    }
    if (start < 0) start = at;
    if (letter === escapeWith && quote !== "'") at += 1;
    else if (letter === quote) quote = '';
    else if (quote === '' && (letter === '"' || letter === "'")) quote = letter;
  }
  // An escape at the end has moved past it.
  const last = start < 0 ? '' : text.slice(start, at > text.length ? -1 : undefined);
  return last === '' ? words : [...words, last];
}

/**
 * The exec form: a JSON array of strings.
 * @returns undefined when the text is no JSON array at all: then it is words or a command for the shell.
 * @throws {SyntaxProblem} an array that holds something else than strings.
 */
export function findJsonArray(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  const value = parseJson(text);
  if (!Array.isArray(value)) return undefined;
  const strings = value.filter((item): item is string => typeof item === 'string');
  if (strings.length === value.length) return strings;
  throw new SyntaxProblem('an array of JSON here may hold strings only', { word: text.slice(0, 1) });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
