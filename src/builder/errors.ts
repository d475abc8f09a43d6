/** A build that cannot be, or went wrong, for a reason that its author can understand. */
export class BuildError extends Error {
  override readonly name: string = 'BuildError';
  /** What is wrong in the instruction, as it stands there. */
  readonly word: string | undefined;

  constructor(message: string, { word, ...options }: ErrorOptions & Readonly<{ word?: string }> = {}) {
    super(message, options);
    this.word = word;
  }
}

/** An instruction that cannot change a configuration without a build. */
export class ChangeError extends BuildError {
  override readonly name = 'ChangeError';
}

/** A RUN whose command answered with something else than 0. */
export class CommandFailedError extends BuildError {
  override readonly name = 'CommandFailedError';
  readonly exitCode: number;
  /** The end of what the command said. */
  readonly output: string;

  constructor(command: string, exitCode: number, output: string) {
    super(`process ${JSON.stringify(command)} did not complete successfully: exit code: ${exitCode}`);
    this.exitCode = exitCode;
    this.output = output;
  }
}

/** `word` is what is wrong in these lines, where that is known. */
type Place = Readonly<{
  file: string;
  lines: readonly string[];
  line: number;
  endLine: number;
  word?: string;
}>;

/** An instruction that failed, with its place in the file. The reason is the `cause`. */
export class StepError extends BuildError {
  override readonly name = 'StepError';
  /** As progress names it: `[build 2/4] RUN make`. */
  readonly step: string;
  readonly place: Place;

  constructor(step: string, place: Place, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.step = step;
    this.place = place;
  }
}

const CONTEXT_LINES = 2;
const MAX_MARKED = 20;

/**
 * The lines of the file around a failed instruction, which are marked.
 * @returns several lines, the first names the file; no line feed at the end.
 */
export function drawPlace({ file, lines, line, endLine, word }: Place): string {
  const last = Math.min(endLine, line + MAX_MARKED);
  const from = Math.max(1, line - CONTEXT_LINES);
  const to = Math.min(lines.length, last + CONTEXT_LINES);
  const rule = '--------------------';
  const drawn: string[] = [];
  for (let number = from; number <= to; number += 1) {
    const isMarked = number >= line && number <= last;
    const text = lines[number - 1] ?? '';
    drawn.push(`${String(number).padStart(4)} | ${isMarked ? '>>>' : '   '} ${printable(text)}`.trimEnd());
    const column = isMarked && word ? text.indexOf(word) : -1;
    // Under letters that take one column each; tabs stay tabs.
    if (column >= 0) drawn.push(`     |     ${text.slice(0, column).replace(/[^\t]/g, ' ')}^`);
  }
  return [`${file}:${line}`, rule, ...drawn, rule].join('\n');
}

/** Keeps terminals from obeying what a file says. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '?');
}
