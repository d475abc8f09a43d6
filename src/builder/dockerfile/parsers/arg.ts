import { SyntaxProblem } from '../errors.js';
import type { ArgDeclaration } from '../instruction.js';
import { type InstructionParser, required } from '../statement.js';
import { splitWords } from '../words.js';

export const arg: InstructionParser = {
  flags: {},
  parse: (statement) => ({
    kind: 'arg',
    args: splitWords(required(statement, 'a name'), statement.escape).map((word) => ({
      ...parseDeclaration(word),
      ...describedBy(statement.line.comments, nameIn(word)),
    })),
  }),
};

function parseDeclaration(word: string): ArgDeclaration {
  const name = nameIn(word);
  if (name === '') throw new SyntaxProblem('ARG needs a name in front of =', { word });
  return name === word ? { name } : { name, value: word.slice(name.length + 1) };
}

function nameIn(word: string): string {
  const equals = word.indexOf('=');
  return equals < 0 ? word : word.slice(0, equals);
}

/** What the comment above says of a name: `# name text`. */
export function describedBy(comments: readonly string[], name: string): { comment?: string } {
  const line = comments.find((comment) => comment.startsWith(`${name} `));
  return line === undefined ? {} : { comment: line.slice(name.length + 1) };
}
