import type { EscapeCharacter } from './dockerfile.js';
import { SyntaxProblem } from './errors.js';
import { type FlagKinds, type Flags, type FlagWord, takeFlags } from './flags.js';
import type { AnyInstruction, Heredoc, Instruction } from './instruction.js';
import type { LogicalLine } from './lines.js';

/** One logical line, taken apart into keyword, flags and the rest, before anybody knows what they mean. */
export type Statement = Readonly<{
  line: LogicalLine;
  escape: EscapeCharacter;
  /** As it is written. */
  keyword: string;
  flagWords: readonly FlagWord[];
  /** Trimmed. */
  rest: string;
  /** Where `rest` begins in the text of the line. */
  restOffset: number;
  heredocs: readonly Heredoc[];
}>;

/** What a parser of one instruction adds to what all have. */
export type Parsed<T extends AnyInstruction = AnyInstruction> = T extends AnyInstruction
  ? Omit<T, 'original' | 'keyword' | 'location' | 'source' | 'comments' | 'flags'>
  : never;

/** Takes a line apart, from `start` on. Heredocs are not known yet. */
export function splitStatement(line: LogicalLine, escapeWith: EscapeCharacter, start = 0): Statement {
  const [, before = '', keyword = ''] = /^(\s*)([^\t\v\f\r ]*)/.exec(line.text.slice(start)) ?? [];
  const { flags, end } = takeFlags(line.text, start + before.length + keyword.length, escapeWith);
  return {
    line,
    escape: escapeWith,
    keyword,
    flagWords: flags,
    rest: line.text.slice(end).trimEnd(),
    restOffset: end,
    heredocs: [],
  };
}

/** With what all instructions have. */
export function withCommon<T extends Parsed>(statement: Statement, flags: Flags, parsed: T) {
  const { line, keyword } = statement;
  return {
    ...parsed,
    original: keyword.toUpperCase(),
    keyword,
    location: line.location,
    source: line.text.trim(),
    comments: line.comments,
    flags: flags.names,
  };
}

/** A parser of one instruction, and the flags it takes. */
export type InstructionParser = Readonly<{
  flags: FlagKinds;
  parse: (statement: Statement, flags: Flags, parseInner: ParseInner) => Parsed;
}>;

/** Parses the instruction inside ONBUILD. */
export type ParseInner = (statement: Statement) => Instruction;

/** @throws {SyntaxProblem} there is nothing behind the keyword. */
export function required({ rest, keyword }: Statement, what: string): string {
  if (rest !== '') return rest;
  throw new SyntaxProblem(`${keyword.toUpperCase()} needs ${what}`, { word: keyword });
}
