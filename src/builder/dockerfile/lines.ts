import type { EscapeCharacter } from './dockerfile.js';
import type { Location } from './location.js';

/** Instruction with its continuations joined. */
export type LogicalLine = Readonly<{
  text: string;
  /** Where the pieces of `text` come from. */
  pieces: readonly Piece[];
  location: Location;
  comments: readonly string[];
  /** The first blank line inside, 0 when there is none. */
  emptyContinuation: number;
}>;

/** `offset` in the text; `line` and `column` in the file, from 1. */
type Piece = Readonly<{ offset: number; line: number; column: number }>;

/** Takes physical lines off a file, one instruction after the other. */
export class LineReader {
  readonly #lines: readonly string[];
  readonly #continuation: RegExp;
  /** Index of the next line. */
  #at: number;

  /** @param lines with carriage returns, without line feeds. */
  constructor(lines: readonly string[], escapeWith: EscapeCharacter, start: number) {
    this.#lines = lines;
    this.#at = start;
    this.#continuation = escapeWith === '\\' ? /(?:^|[^\\])(\\)[ \t]*$/ : /(?:^|[^`])(`)[ \t]*$/;
  }

  /** Number of the line that was read last. */
  get line(): number {
    return this.#at;
  }

  /** @returns undefined at the end. */
  next(): LogicalLine | undefined {
    const comments: string[] = [];
    for (let raw = this.#take(); raw !== undefined; raw = this.#take()) {
      const text = raw.trimStart();
      if (text.startsWith('#')) addComment(comments, text);
      else if (text === '') comments.length = 0;
      else return this.#joined(text, raw.length - text.length, comments);
    }
    return undefined;
  }

  /** Lines up to one that is `terminator`. @returns undefined when there is none. */
  body(terminator: string, { stripTabs }: Readonly<{ stripTabs: boolean }>): string | undefined {
    const start = this.#at;
    for (let raw = this.#take(); raw !== undefined; raw = this.#take()) {
      if ((stripTabs ? raw.replace(/^\t+/, '') : raw) !== terminator) continue;
      return this.#lines
        .slice(start, this.#at - 1)
        .map((line) => `${line}\n`)
        .join('');
    }
    return undefined;
  }

  #joined(first: string, indent: number, comments: readonly string[]): LogicalLine {
    const line = this.#at;
    const parts: string[] = [];
    const pieces: Piece[] = [];
    let offset = 0;
    let emptyContinuation = 0;
    let current: string | undefined = first;
    for (; current !== undefined; current = this.#take()) {
      const inside = this.#at !== line;
      if (inside && current.trimStart().startsWith('#')) continue;
      if (inside && current.trim() === '') {
        emptyContinuation ||= this.#at;
        continue;
      }
      const { text, continues } = this.#withoutContinuation(current);
      pieces.push({ offset, line: this.#at, column: inside ? 1 : indent + 1 });
      parts.push(text);
      offset += text.length;
      if (!continues) break;
    }
    return {
      text: parts.join(''),
      pieces,
      location: { line, endLine: this.#at },
      comments,
      emptyContinuation,
    };
  }

  #withoutContinuation(text: string): { text: string; continues: boolean } {
    const end = text.trimEnd();
    const last = end.at(-1);
    if (last !== '\\' && last !== '`') return { text, continues: false };
    // Only the last few characters matter, and a pattern should see no more than these.
    const tail = end.slice(-2) + text.slice(end.length);
    if (!this.#continuation.test(tail)) return { text, continues: false };
    return { text: end.slice(0, -1), continues: true };
  }

  #take(): string | undefined {
    const raw = this.#lines[this.#at];
    if (raw === undefined) return undefined;
    this.#at += 1;
    return raw.replace(/\r+$/, '');
  }
}

/** An empty one parts a description from what has nothing to do with it. */
function addComment(comments: string[], text: string): void {
  const comment = text.slice(1).trim();
  if (comment === '') comments.length = 0;
  else comments.push(comment);
}

/** Where in the file a character of the joined text stands. */
export function placeOf({ pieces }: LogicalLine, offset: number): { line: number; column: number } {
  const piece = pieces.findLast((candidate) => candidate.offset <= offset);
  return { line: piece?.line ?? 1, column: (piece?.column ?? 1) + offset - (piece?.offset ?? 0) };
}
