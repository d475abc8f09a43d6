import { findBoolean } from '../../spelling/index.js';
import type { CheckOptions, Directives, EscapeCharacter } from './dockerfile.js';
import { SyntaxProblem } from './errors.js';

const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*$/;

type Name = 'syntax' | 'escape' | 'check';

function isName(name: string): name is Name {
  return name === 'syntax' || name === 'escape' || name === 'check';
}

/** A directive that makes no sense, and the line of it, from 1. */
export class DirectiveProblem extends SyntaxProblem {
  readonly line: number;

  constructor(message: string, line: number, word: string) {
    super(message, { word });
    this.line = line;
  }
}

/**
 * Reads the directives at the very top: the first line that is none ends them for good.
 * @returns how many lines they take. `syntax` is read and means nothing here.
 * @throws {DirectiveProblem} one twice, or an escape character that is none.
 */
export function readDirectives(lines: readonly string[]): { directives: Directives; count: number } {
  const directives: Partial<Record<Name, string>> = {};
  let count = skipForeignSyntax(lines, directives);
  for (; count < lines.length; count += 1) {
    const [, written = '', value = ''] = DIRECTIVE.exec((lines[count] ?? '').trimStart()) ?? [];
    const name = written.toLowerCase();
    if (!isName(name)) break;
    if (directives[name] !== undefined) {
      throw new DirectiveProblem(`only one ${name} parser directive can be used`, count + 1, written);
    }
    if (name === 'escape') checkEscape(value, count + 1);
    directives[name] = value;
  }
  return { directives, count };
}

/** `// syntax=…` in the first line, or `# syntax=…` below `#!`: other languages' ways to name a frontend. */
function skipForeignSyntax(lines: readonly string[], directives: Partial<Record<Name, string>>): number {
  const [first = '', second = ''] = lines;
  const slashes = /^\/\/\s*syntax\s*=\s*(\S+)/i.exec(first)?.[1];
  const below = first.startsWith('#!') ? /^#\s*syntax\s*=\s*(\S+)/i.exec(second)?.[1] : undefined;
  const value = slashes ?? below;
  if (value !== undefined) directives.syntax = value;
  return slashes === undefined ? 0 : 1;
}

function checkEscape(value: string, line: number): void {
  if (value === '\\' || value === '`') return;
  throw new DirectiveProblem(
    `invalid escape character ${JSON.stringify(value)}: only \\ and \` can be`,
    line,
    value,
  );
}

/** The character that escapes. */
export function escapeOf(directives: Directives): EscapeCharacter {
  return directives.escape === '`' ? '`' : '\\';
}

export const DEFAULT_CHECK_OPTIONS: CheckOptions = { skip: [], experimental: [], error: false };

/**
 * Reads `skip=A,B|all;error=true;experimental=A,B|all`.
 * @throws {SyntaxProblem} another option, or no value.
 */
export function parseCheckOptions(text: string): CheckOptions {
  return text.split(';').reduce((options, part) => withOption(options, part), DEFAULT_CHECK_OPTIONS);
}

function withOption(options: CheckOptions, part: string): CheckOptions {
  const equals = part.indexOf('=');
  const name = (equals < 0 ? part : part.slice(0, equals)).trim();
  const value = equals < 0 ? '' : part.slice(equals + 1).trim();
  if (equals < 0)
    throw new SyntaxProblem(`invalid check option ${JSON.stringify(name)}: it needs a value`, { word: name });
  if (name === 'skip' || name === 'experimental') return { ...options, [name]: rulesOf(value) };
  if (name === 'error') return { ...options, error: booleanOf(value) };
  throw new SyntaxProblem(
    `unknown check option ${JSON.stringify(name)}; there are skip, error and experimental`,
    { word: name },
  );
}

function rulesOf(value: string): 'all' | string[] {
  return value.toLowerCase() === 'all' ? 'all' : value.split(',').map((rule) => rule.trim());
}

function booleanOf(value: string): boolean {
  const boolean = findBoolean(value);
  if (boolean !== undefined) return boolean;
  throw new SyntaxProblem(`invalid check option error=${value}: write true or false`, { word: value });
}
