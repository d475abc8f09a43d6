import type { EscapeCharacter } from './dockerfile.js';
import { type Expanded, WordProblem, Words } from './expanded-words.js';
import { cutPrefix, cutSuffix, PatternError, replacePattern } from './pattern.js';

/** @returns the value, `undefined` when the name is not set. */
export type Lookup = (name: string) => string | undefined;

export type ExpandOptions = Readonly<{
  /** Backslash by default. */
  escape?: EscapeCharacter;
  /**
   * `remove` (default): a shell word. `keep`: the quotes stay where they are and still quote. `literal`: quotes are
   * letters like others, as in bodies of heredocs.
   */
  quotes?: 'remove' | 'keep' | 'literal';
  /** Escape characters stay where they are, and still escape. */
  keepEscapes?: boolean;
  /** What names no value stays as it is written. */
  keepUnset?: boolean;
  /** Told of every name that was looked up; one that is not set counts as found where the word says what then. */
  onName?: (name: string, found: boolean) => void;
}>;

/** A word that cannot be expanded: bad syntax, or `${name:?message}`. */
export class ExpansionError extends Error {
  override readonly name = 'ExpansionError';
  /** The whole word, as it was given. */
  readonly word: string;

  constructor(message: string, word: string) {
    super(message);
    this.word = word;
  }
}

/**
 * Takes quotes and escapes out of a word and puts values in. It stays one word, whatever the values are.
 * @throws {ExpansionError}
 */
export function expand(word: string, lookup: Lookup, options: ExpandOptions = {}): string {
  return expansion(word, lookup, options).text;
}

/**
 * The same, and then splits at blanks that are not quoted, those from values included. Only EXPOSE does that.
 * @throws {ExpansionError}
 */
export function expandWords(word: string, lookup: Lookup, options: ExpandOptions = {}): string[] {
  return expansion(word, lookup, options).words;
}

function expansion(word: string, lookup: Lookup, options: ExpandOptions): Expanded {
  try {
    return new Expander(word, lookup, options).run();
  } catch (error) {
    if (!(error instanceof WordProblem || error instanceof PatternError)) throw error;
    throw new ExpansionError(error.message, word);
  }
}

const UNFINISHED = `missing '}' in \${…}`;

/** Of a word, and of a heredoc: a variable that doubles itself line by line would fill the memory. */
const MAX_WORD_LENGTH = 1024 * 1024;
const MAX_TEXT_LENGTH = 16 * MAX_WORD_LENGTH;

/** Deepest nesting of `${a:-${b:-…}}`. */
const MAX_DEPTH = 100;

class Expander {
  readonly #source: string;
  readonly #lookup: Lookup;
  readonly #options: ExpandOptions;
  readonly #escape: string;
  readonly #quotes: boolean;
  readonly #keepQuotes: boolean;
  #at = 0;
  #depth = 0;

  constructor(source: string, lookup: Lookup, options: ExpandOptions) {
    this.#source = source;
    this.#lookup = lookup;
    this.#options = options;
    this.#escape = options.escape ?? '\\';
    this.#quotes = options.quotes !== 'literal';
    this.#keepQuotes = options.quotes === 'keep';
  }

  run(): Expanded {
    return this.#until('', this.#options.keepEscapes ?? false);
  }

  /** Reads up to the character `stop`, and past it; to the end when `stop` is empty. */
  #until(stop: string, keepEscapes: boolean): Expanded {
    if (this.#depth > MAX_DEPTH) throw new WordProblem('variables are nested too deeply');
    this.#depth += 1;
    const out = new Words(this.#options.quotes === 'literal' ? MAX_TEXT_LENGTH : MAX_WORD_LENGTH);
    while (this.#at < this.#source.length) {
      const next = this.#peek();
      if (next === stop) {
        this.#at += 1;
        this.#depth -= 1;
        return out.end();
      }
      this.#piece(next, keepEscapes, out);
    }
    if (stop !== '') throw new WordProblem(`missing '${stop}' in \${…}`);
    this.#depth -= 1;
    return out.end();
  }

  #piece(next: string, keepEscapes: boolean, out: Words): void {
    if (next === '$') out.addSplit(this.#dollar(keepEscapes));
    else if (this.#quotes && next === "'") out.addWhole(this.#singleQuoted());
    else if (this.#quotes && next === '"') out.addWhole(this.#doubleQuoted(keepEscapes));
    else if (next === this.#escape) this.#escaped(keepEscapes, out);
    else out.addSplit(this.#plain());
  }

  /** Letters up to the next one that may mean something. */
  #plain(): string {
    const start = this.#at;
    const special = /[$'"\\`}/]/g;
    special.lastIndex = start + 1;
    this.#at = special.exec(this.#source)?.index ?? this.#source.length;
    return this.#source.slice(start, this.#at);
  }

  /** The escape character vanishes, the next one loses its meaning. At the end it vanishes all the same. */
  #escaped(keepEscapes: boolean, out: Words): void {
    this.#at += 1;
    if (keepEscapes) out.addWhole(this.#escape);
    if (this.#at < this.#source.length) out.addWhole(this.#take());
  }

  #singleQuoted(): string {
    const end = this.#source.indexOf("'", this.#at + 1);
    if (end < 0) throw new WordProblem('unexpected end of statement while looking for matching single-quote');
    const inside = this.#source.slice(this.#at + 1, end);
    this.#at = end + 1;
    return this.#keepQuotes ? `'${inside}'` : inside;
  }

  #doubleQuoted(keepEscapes: boolean): string {
    this.#at += 1;
    let inside = '';
    while (this.#peek() !== '"') {
      if (this.#at >= this.#source.length) {
        throw new WordProblem('unexpected end of statement while looking for matching double-quote');
      }
      if (this.#peek() === '$') inside += this.#dollar(keepEscapes);
      else if (this.#peek() === this.#escape) inside += this.#escapedInQuotes(keepEscapes);
      else inside += this.#plain();
      if (inside.length > MAX_TEXT_LENGTH) break; // whoever takes it says that it is too long
    }
    this.#at += 1;
    return this.#keepQuotes ? `"${inside}"` : inside;
  }

  /** Between double quotes only a quote, a dollar and the escape character can be escaped. */
  #escapedInQuotes(keepEscapes: boolean): string {
    this.#at += 1;
    const next = this.#peek();
    if (next !== '"' && next !== '$' && next !== this.#escape)
      return this.#escape.repeat(keepEscapes ? 2 : 1);
    return `${keepEscapes ? this.#escape : ''}${this.#take()}`;
  }

  #dollar(keepEscapes: boolean): string {
    this.#at += 1;
    if (this.#peek() === '{') return this.#braced(keepEscapes);
    const name = this.#name();
    return name === '' ? '$' : (this.#find(name) ?? (this.#options.keepUnset ? `$${name}` : ''));
  }

  #braced(keepEscapes: boolean): string {
    const start = this.#at - 1;
    this.#at += 1;
    const next = this.#peek();
    if (next === '') throw new WordProblem(UNFINISHED);
    if ('{}:'.includes(next)) throw new WordProblem('bad substitution');
    const name = this.#name();
    const operator = this.#take();
    if (operator === '') throw new WordProblem(UNFINISHED);
    const apply = this.#operation(name, operator, keepEscapes);
    const value = this.#find(name, ':-+?'.includes(operator));
    if (value === undefined && this.#options.keepUnset) return this.#source.slice(start, this.#at);
    return apply(value);
  }

  /** Reads the rest up to the brace. */
  #operation(name: string, operator: string, keepEscapes: boolean): (value: string | undefined) => string {
    if (operator === '}') return (value) => value ?? '';
    if (operator === '/') return this.#replacement();
    const kind = operator === ':' ? this.#take() : operator;
    const emptyIsUnset = operator === ':';
    if (kind !== '' && '-+?'.includes(kind)) return this.#choice(name, kind, emptyIsUnset, keepEscapes);
    if (operator === '#' || operator === '%') return this.#cut(operator);
    throw new WordProblem(`unsupported modifier (${emptyIsUnset ? `:${kind}` : kind}) in substitution`);
  }

  #choice(name: string, kind: string, emptyIsUnset: boolean, keepEscapes: boolean) {
    const { text } = this.#until('}', keepEscapes);
    return (value: string | undefined): string => {
      const missing = value === undefined || (emptyIsUnset && value === '');
      if (kind === '+') return missing ? '' : text;
      if (!missing) return value;
      if (kind === '-') return text;
      const reason = value === undefined ? 'is not allowed to be unset' : 'is not allowed to be empty';
      throw new WordProblem(`${name}: ${text === '' ? reason : text}`);
    };
  }

  #cut(operator: '#' | '%') {
    const { text } = this.#until('}', true);
    const longest = text.startsWith(operator);
    const pattern = longest ? text.slice(1) : text;
    const cut = operator === '#' ? cutPrefix : cutSuffix;
    return (value = '') => cut(value, pattern, { longest }, this.#escape);
  }

  #replacement() {
    const all = this.#peek() === '/';
    if (all) this.#at += 1;
    const pattern = this.#until('/', true).text;
    const replacement = this.#until('}', true).text;
    return (value = '') => replacePattern(value, pattern, replacement, { all }, this.#escape);
  }

  /** One of the special letters, a run of digits, or a name. Empty when there is none. */
  #name(): string {
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#source)?.[0] ?? '';
    this.#at += name.length;
    return name;
  }

  #find(name: string, mayBeUnset = false): string | undefined {
    const value = this.#lookup(name);
    this.#options.onName?.(name, value !== undefined || mayBeUnset);
    return value;
  }

  /** A whole character, empty at the end. */
  #take(): string {
    const point = this.#source.codePointAt(this.#at);
    if (point === undefined) return '';
    const taken = String.fromCodePoint(point);
    this.#at += taken.length;
    return taken;
  }

  #peek(): string {
    return this.#source[this.#at] ?? '';
  }
}

const NAME = /\p{Nd}+|[@*#?\-$!]|[\p{L}_][\p{L}\p{Nd}_]*/uy;
