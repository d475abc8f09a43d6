import type { Healthcheck } from '../oci/index.js';
import { formatDuration } from './dockerfile/index.js';

/**
 * The texts of history entries, to the letter as BuildKit writes them: it prints Go values, with their quoting. Tools
 * and people compare them.
 */
export function quotedList(words: readonly string[]): string {
  return `[${words.map((word) => quote(word)).join(' ')}]`;
}

/** `[a b]`: a list without quotes. */
export function plainList(words: readonly string[]): string {
  return `[${words.join(' ')}]`;
}

/** Go's `%+q` of a pointer to docker's HealthcheckConfig. */
export function healthcheckText(check: Healthcheck): string {
  const durations = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval];
  const fields = [
    `[${(check.Test ?? []).map((word) => quote(word, { ascii: true })).join(' ')}]`,
    ...durations.map((nanoseconds) => quote(formatDuration(nanoseconds ?? 0))),
    quotedRune(check.Retries ?? 0),
  ];
  return `HEALTHCHECK &{${fields.join(' ')}}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

/** Go's strconv.Quote, or QuoteToASCII. */
function quote(text: string, options: { ascii?: boolean } = {}): string {
  return `"${[...text].map((rune) => escapeRune(rune, '"', options.ascii === true)).join('')}"`;
}

function quotedRune(code: number): string {
  const rune = code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
  return `'${escapeRune(rune, "'", true)}'`;
}

function escapeRune(rune: string, quoteMark: string, ascii: boolean): string {
  const code = rune.codePointAt(0) ?? 0;
  if (rune === quoteMark) return `\\${rune}`;
  const known = ESCAPES[rune];
  if (known !== undefined) return known;
  if (code >= 0x20 && code < 0x7f) return rune;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (!ascii && isPrintable(rune)) return rune;
  return code < 0x10000
    ? `\\u${code.toString(16).padStart(4, '0')}`
    : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** As Go's strconv.IsPrint: letters, marks, numbers, punctuation, symbols. */
function isPrintable(rune: string): boolean {
  return /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(rune);
}
