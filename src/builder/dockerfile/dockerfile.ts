import type { ArgInstruction, FromInstruction, Instruction } from './instruction.js';
import type { Location } from './location.js';

/** What a check found. `rule` is BuildKit's name of it. */
export type Finding = Readonly<{
  rule: string;
  /** What the rule is about, in general. */
  description: string;
  /** Where it is documented. */
  url?: string;
  /** What it is here. */
  message: string;
  line: number;
  endLine: number;
}>;

/** `# check=skip=A,B;error=true;experimental=all`. */
export type CheckOptions = Readonly<{
  skip: 'all' | readonly string[];
  experimental: 'all' | readonly string[];
  /** Findings fail the build. */
  error: boolean;
}>;

/** Parser directives: names in lower case. */
export type Directives = Readonly<Partial<Record<'syntax' | 'escape' | 'check', string>>>;

export type EscapeCharacter = '\\' | '`';

export type Stage = Readonly<{
  /** From 0. */
  index: number;
  /** Lower case. */
  name?: string;
  /** As it stands in FROM, variables still in it. */
  baseName: string;
  platform?: string;
  from: FromInstruction;
  /** All after FROM. */
  instructions: readonly Instruction[];
  /** From FROM to the last instruction. */
  location: Location;
  /** What the comment above FROM says of it: `# <name> text`. */
  comment?: string;
}>;

/** A whole file. At least one stage. */
export type Dockerfile = Readonly<{
  /** For messages: `Dockerfile`, `docker/app.Dockerfile`. */
  name: string;
  /** As they stand in the file, without line ends. */
  lines: readonly string[];
  escape: EscapeCharacter;
  directives: Directives;
  checkOptions: CheckOptions;
  globalArgs: readonly ArgInstruction[];
  stages: readonly Stage[];
  /** What only the lexer sees (NoEmptyContinuation); {@link check} reports them too. */
  warnings: readonly Finding[];
}>;
