import {
  DEFAULT_CHECK_OPTIONS,
  DirectiveProblem,
  escapeOf,
  parseCheckOptions,
  readDirectives,
} from './directives.js';
import type { CheckOptions, Directives, Dockerfile, EscapeCharacter, Finding, Stage } from './dockerfile.js';
import { DockerfileError, SyntaxProblem } from './errors.js';
import { findHeredocs, type HeredocToken } from './heredoc.js';
import type { AnyInstruction, ArgInstruction, FromInstruction, Heredoc, Instruction } from './instruction.js';
import { parseInstruction } from './instructions.js';
import { LineReader, type LogicalLine, placeOf } from './lines.js';
import type { Location } from './location.js';
import { finding } from './rules.js';
import { type Statement, splitStatement } from './statement.js';
import { findJsonArray } from './words.js';

const MAX_LINE_BYTES = 65_535;

type Source = Readonly<{ name: string; lines: readonly string[] }>;
type ParseOptions = Readonly<{ name?: string }>;

/**
 * Reads a whole file. Words keep their quotes and variables, but everything that can be wrong in them already is.
 * @param options.name for messages.
 * @throws {DockerfileError}
 */
export function parseDockerfile(text: string, { name = 'Dockerfile' }: ParseOptions = {}): Dockerfile {
  const source = { name, lines: splitLines(text) };
  checkLength(source);
  const { directives, count } = located(source, () => readDirectives(source.lines.map(withoutReturn)));
  const checkOptions = checkOptionsOf(source, directives);
  const escapeWith = escapeOf(directives);
  const warnings: Finding[] = [];
  const instructions = readInstructions(
    source,
    new LineReader(source.lines, escapeWith, count),
    escapeWith,
    warnings,
  );
  const { globalArgs, stages } = groupIntoStages(source, instructions);
  const lines = source.lines.map(withoutReturn);
  return { name, lines, escape: escapeWith, directives, checkOptions, globalArgs, stages, warnings };
}

/**
 * Reads what ONBUILD has put into the configuration of a base image: one instruction, perhaps with heredocs.
 * @throws {DockerfileError}
 */
export function parseTrigger(text: string, { name = 'ONBUILD' }: ParseOptions = {}): Instruction {
  const source = { name, lines: splitLines(text) };
  checkLength(source);
  const [instruction, ...others] = readInstructions(source, new LineReader(source.lines, '\\', 0), '\\', []);
  if (
    instruction !== undefined &&
    others.length === 0 &&
    !REFUSED.includes(instruction.kind) &&
    isInner(instruction)
  ) {
    return instruction;
  }
  throw problemAt(
    source,
    { line: 1, endLine: source.lines.length },
    'a trigger of ONBUILD is one instruction, and not FROM, ONBUILD or MAINTAINER',
  );
}

const REFUSED: readonly string[] = ['from', 'onbuild', 'maintainer'];

function isInner(instruction: AnyInstruction): instruction is Instruction {
  return instruction.kind !== 'from';
}

/**
 * An error that somebody found later, when variables were known or the file was built.
 * @param word as it stands in the instruction: the caret goes there.
 */
export function errorAt(
  { name, lines }: Pick<Dockerfile, 'name' | 'lines'>,
  location: Location,
  message: string,
  { word, cause }: Readonly<{ word?: string; cause?: unknown }> = {},
): DockerfileError {
  for (let line = location.line; word !== undefined && word !== '' && line <= location.endLine; line += 1) {
    const found = lines[line - 1]?.indexOf(word) ?? -1;
    if (found < 0) continue;
    const place = { location: { line, endLine: location.endLine }, column: found + 1, length: word.length };
    return new DockerfileError(message, { file: name, lines, ...place, cause });
  }
  return new DockerfileError(message, { file: name, lines, location, cause });
}

function splitLines(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.replace(/\r+$/, '') : line;
}

function checkLength(source: Source): void {
  const index = source.lines.findIndex(
    (line) => line.length > MAX_LINE_BYTES / 3 && Buffer.byteLength(line) > MAX_LINE_BYTES,
  );
  if (index < 0) return;
  throw problemAt(
    source,
    { line: index + 1, endLine: index + 1 },
    `the line is longer than ${MAX_LINE_BYTES} bytes`,
  );
}

/** Options of `# check=`. */
function checkOptionsOf(source: Source, { check }: Directives): CheckOptions {
  if (check === undefined) return DEFAULT_CHECK_OPTIONS;
  try {
    return parseCheckOptions(check);
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    const line = source.lines.findIndex((text) => text.includes(check)) + 1;
    throw errorAt(source, { line, endLine: line }, error.message, { word: error.word ?? check });
  }
}

function readInstructions(
  source: Source,
  reader: LineReader,
  escapeWith: EscapeCharacter,
  warnings: Finding[],
): AnyInstruction[] {
  const instructions: AnyInstruction[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    if (line.text.trim() === '') continue;
    const instruction = readInstruction(source, reader, line, escapeWith);
    instructions.push(instruction);
    if (line.emptyContinuation > 0) warnings.push(finding('NoEmptyContinuation', [], emptyLine(line)));
  }
  return instructions;
}

function emptyLine({ location }: LogicalLine): Location {
  return { line: location.endLine, endLine: location.endLine };
}

function readInstruction(
  source: Source,
  reader: LineReader,
  line: LogicalLine,
  escapeWith: EscapeCharacter,
): AnyInstruction {
  const statement = splitStatement(line, escapeWith);
  const tokens = located(source, () => heredocTokens(statement), line);
  const heredocs = tokens.map((token) => readHeredoc(source, reader, token, line));
  const location = { line: line.location.line, endLine: reader.line };
  const whole = { ...statement, line: { ...line, location }, heredocs };
  return located(source, () => parseInstruction(whole), line);
}

/** Only RUN, COPY and ADD have heredocs, alone or in ONBUILD, and not in the exec form. */
function heredocTokens(statement: Statement): HeredocToken[] {
  const { keyword, rest, line, restOffset } = statement;
  if (!rest.includes('<<')) return [];
  if (/^onbuild$/i.test(keyword)) return heredocTokens(splitStatement(line, statement.escape, restOffset));
  if (!/^(run|copy|add)$/i.test(keyword) || findJsonArray(rest) !== undefined) return [];
  return findHeredocs(rest);
}

function readHeredoc(source: Source, reader: LineReader, token: HeredocToken, line: LogicalLine): Heredoc {
  const content = reader.body(token.name, token);
  if (content !== undefined) return { ...token, content };
  const message = `the heredoc is not finished: no line is ${JSON.stringify(token.name)} alone`;
  throw located(source, () => problemIn(source, line, new SyntaxProblem(message, { word: '<<' })));
}

/** Turns problems into errors that know their place. */
function located<T>(source: Source, action: () => T, line?: LogicalLine): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    if (line !== undefined) throw problemIn(source, line, error);
    const at = error instanceof DirectiveProblem ? error.line : 1;
    throw errorAt(
      source,
      { line: at, endLine: at },
      error.message,
      error.word === undefined ? {} : { word: error.word },
    );
  }
}

function problemIn({ name, lines }: Source, line: LogicalLine, problem: SyntaxProblem): DockerfileError {
  const { word, offset } = problem;
  const found = offset ?? (word === undefined ? -1 : line.text.indexOf(word));
  const place = placeOf(line, Math.max(0, found));
  return new DockerfileError(problem.message, {
    file: name,
    lines: lines.map(withoutReturn),
    location: { line: place.line, endLine: line.location.endLine },
    ...(found < 0 ? {} : { column: place.column, length: shownLength(lines, place, word) }),
  });
}

/** Not past the end of the physical line. */
function shownLength(lines: readonly string[], place: { line: number; column: number }, word = ' '): number {
  const left = (lines[place.line - 1] ?? '').length - place.column + 1;
  return Math.max(1, Math.min(word.length, left));
}

function problemAt({ name, lines }: Source, location: Location, message: string): DockerfileError {
  return new DockerfileError(message, { file: name, lines, location });
}

function groupIntoStages(source: Source, instructions: readonly AnyInstruction[]) {
  if (instructions.length === 0) {
    const empty = source.lines.every((line) => line.trim() === '');
    throw problemAt(
      source,
      { line: 1, endLine: 1 },
      empty ? 'the file is empty' : 'file with no instructions',
    );
  }
  const globalArgs: ArgInstruction[] = [];
  const stages: { from: FromInstruction; instructions: Instruction[] }[] = [];
  for (const instruction of instructions) {
    const current = stages.at(-1);
    if (instruction.kind === 'from') stages.push({ from: instruction, instructions: [] });
    else if (current !== undefined) current.instructions.push(instruction);
    else if (instruction.kind === 'arg') globalArgs.push(instruction);
    else throw beforeFrom(source, instruction);
  }
  const last = instructions.at(-1);
  if (stages.length === 0 && last !== undefined) {
    throw problemAt(source, last.location, 'no build stage: the file has no FROM');
  }
  return { globalArgs, stages: stages.map(toStage) };
}

function beforeFrom(source: Source, { location, keyword, original }: Instruction): DockerfileError {
  return errorAt(source, location, `${original} before the first FROM: only ARG may stand there`, {
    word: keyword,
  });
}

function toStage(
  { from, instructions }: { from: FromInstruction; instructions: readonly Instruction[] },
  index: number,
): Stage {
  const { name, base, platform, comment, location } = from;
  const { endLine } = instructions.at(-1)?.location ?? location;
  return {
    index,
    ...(name === undefined ? {} : { name }),
    baseName: base,
    ...(platform === undefined ? {} : { platform }),
    from,
    instructions,
    location: { line: location.line, endLine },
    ...(comment === undefined ? {} : { comment }),
  };
}
