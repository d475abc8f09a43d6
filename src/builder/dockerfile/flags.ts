import { didYouMean } from '../../spelling/index.js';
import { SyntaxProblem } from './errors.js';

/** A word in front of the arguments, quotes and escapes taken out. */
export type FlagWord = Readonly<{ text: string; offset: number; written: string }>;

export type FlagKind = 'boolean' | 'string' | 'list';
export type FlagKinds = Readonly<Record<string, FlagKind>>;

/**
 * Takes the leading words that begin with `--` off a text; `--` alone ends them.
 * @returns where the rest begins.
 */
export function takeFlags(
  text: string,
  start: number,
  escapeWith: string,
): { flags: FlagWord[]; end: number } {
  const flags: FlagWord[] = [];
  let at = skipBlanks(text, start);
  while (text.startsWith('--', at)) {
    const { value, end } = readWord(text, at, escapeWith);
    const written = text.slice(at, end);
    if (value === '--') return { flags, end: skipBlanks(text, end) };
    flags.push({ text: value, offset: at, written });
    at = skipBlanks(text, end);
  }
  return { flags, end: at };
}

function skipBlanks(text: string, start: number): number {
  const blank = /\s*/y;
  blank.lastIndex = start;
  blank.test(text);
  return blank.lastIndex;
}

function readWord(text: string, start: number, escapeWith: string): { value: string; end: number } {
  const value: string[] = [];
  let quote = '';
  let at = start;
  for (; at < text.length; at += 1) {
    const letter = text[at] ?? '';
    if (quote === '' && /\s/.test(letter)) break;
    if (letter === quote) quote = '';
    else if (quote === '' && (letter === '"' || letter === "'")) quote = letter;
    else if (letter === escapeWith) {
      at += 1;
      value.push(text[at] ?? '');
    } else value.push(letter);
  }
  return { value: value.join(''), end: Math.min(at, text.length) };
}

/** Flags of one instruction, each of the kind that the instruction says. */
export class Flags {
  readonly #values = new Map<string, string[]>();
  readonly #words = new Map<string, FlagWord>();

  /** @throws {SyntaxProblem} unknown, repeated, or without a value. */
  constructor(words: readonly FlagWord[], kinds: FlagKinds) {
    for (const word of words) this.#add(word, kinds);
  }

  get names(): string[] {
    return [...this.#values.keys()];
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  texts(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  isOn(name: string): boolean | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : value === 'true';
  }

  /** For the message when a value makes no sense. */
  problem(name: string, message: string): SyntaxProblem {
    const word = this.#words.get(name);
    return new SyntaxProblem(message, { word: word?.written, offset: word?.offset });
  }

  #add(word: FlagWord, kinds: FlagKinds): void {
    const equals = word.text.indexOf('=');
    const name = equals < 0 ? word.text.slice(2) : word.text.slice(2, equals);
    const value = equals < 0 ? undefined : word.text.slice(equals + 1);
    const at = { word: word.written, offset: word.offset };
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) throw new SyntaxProblem(unknownFlag(name, Object.keys(kinds)), at);
    const values = this.#values.get(name) ?? [];
    if (values.length > 0 && kind !== 'list') throw new SyntaxProblem(`flag --${name} is given twice`, at);
    values.push(kind === 'boolean' ? booleanValue(name, value, at) : stringValue(name, value, at));
    this.#values.set(name, values);
    this.#words.set(name, word);
  }
}

type Place = Readonly<{ word: string; offset: number }>;

function booleanValue(name: string, value: string | undefined, at: Place): string {
  const normal = value?.toLowerCase() ?? 'true';
  if (normal === 'true' || normal === 'false') return normal;
  throw new SyntaxProblem(`flag --${name} is true or false, not ${JSON.stringify(value)}`, at);
}

function stringValue(name: string, value: string | undefined, at: Place): string {
  if (value !== undefined) return value;
  throw new SyntaxProblem(`flag --${name} needs a value: --${name}=…`, at);
}

function unknownFlag(name: string, known: readonly string[]): string {
  const nearest = didYouMean(name, known, (flag) => `--${flag}`);
  const list =
    known.length === 0 ? 'there are none here' : `there are ${known.map((flag) => `--${flag}`).join(' ')}`;
  return `unknown flag --${name}${nearest === '' ? `; ${list}` : nearest}`;
}
