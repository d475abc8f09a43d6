import type { Location } from './location.js';

type Details = Readonly<{
  file: string;
  location: Location;
  /** The line of `lines` that is shown, and where in it the offending word begins: both from 1. */
  column?: number | undefined;
  /** How many characters of the line are meant. */
  length?: number | undefined;
  lines: readonly string[];
  cause?: unknown;
}>;

/** Lines before the offending one that are shown with it. */
const LINES_BEFORE = 2;

/** A Dockerfile that says something impossible, and where. {@link formatDockerfileError} draws it. */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError';
  readonly file: string;
  /** From 1. The line that is meant, which may be in the middle of its instruction. */
  readonly line: number;
  /** Last line of the instruction. */
  readonly endLine: number;
  /** From 1; 0 when the whole line is meant. */
  readonly column: number;
  readonly length: number;
  /** The text of `line`. */
  readonly sourceLine: string;
  /** `sourceLine` and what is shown before it, oldest first. */
  readonly excerpt: readonly string[];

  constructor(message: string, { file, location, column = 0, length = 1, lines, cause }: Details) {
    super(message, cause === undefined ? {} : { cause });
    this.file = file;
    this.line = location.line;
    this.endLine = location.endLine;
    this.column = column;
    this.length = length;
    this.sourceLine = lines[location.line - 1] ?? '';
    this.excerpt = lines.slice(Math.max(0, location.line - 1 - LINES_BEFORE), Math.max(location.line, 0));
  }
}

/** What went wrong in the text of one instruction, before anybody knows which. Inside this folder only. */
export class SyntaxProblem extends Error {
  override readonly name = 'SyntaxProblem';
  /** The word that is meant, as it stands in the file. */
  readonly word: string | undefined;
  /** Where it begins in the joined text of the instruction. */
  readonly offset: number | undefined;

  constructor(message: string, at: { word?: string | undefined; offset?: number | undefined } = {}) {
    super(message);
    this.word = at.word;
    this.offset = at.offset;
  }
}

/**
 * Several lines: file and place, the message, the line with those before it, a caret under the word.
 * @returns no line feed at the end.
 */
export function formatDockerfileError(error: DockerfileError): string {
  const place = [error.file, error.line, ...(error.column > 0 ? [error.column] : [])].join(':');
  return [`${place}: ${error.message}`, ...drawExcerpt(error)].join('\n');
}

function drawExcerpt({ excerpt, line, column, length, sourceLine }: DockerfileError): string[] {
  const width = String(line).length;
  const first = line - excerpt.length + 1;
  const drawn = excerpt.map(
    (text, index) => ` ${String(first + index).padStart(width)} | ${clip(printable(text))}`,
  );
  if (column < 1 || column > MAX_SHOWN) return drawn;
  const indent = printable(sourceLine.slice(0, column - 1)).replace(/[^\t]/g, ' ');
  return [
    ...drawn,
    ` ${' '.repeat(width)} | ${indent}${'^'.repeat(Math.max(1, Math.min(length, MAX_SHOWN)))}`,
  ];
}

/** Longest part of a line that is worth showing. */
const MAX_SHOWN = 200;

function clip(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Keeps terminals from obeying what a file says. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/\r$/, '').replace(/[\x00-\x08\x0a-\x1f\x7f]/g, '?');
}
