import { SyntaxProblem } from '../errors.js';
import { findHeredoc } from '../heredoc.js';
import type { Command } from '../instruction.js';
import { type InstructionParser, required, type Statement } from '../statement.js';
import { findJsonArray } from '../words.js';

/** Exec form, shell form, or a script. */
export function parseCommand({ rest, heredocs }: Statement): Command {
  const words = findJsonArray(rest);
  if (words !== undefined) return { form: 'exec', arguments: words };
  const [heredoc] = heredocs;
  if (heredocs.length === 1 && heredoc !== undefined && findHeredoc(rest) !== undefined) {
    return { form: 'script', heredoc };
  }
  return { form: 'shell', text: rest, heredocs };
}

export const cmd: InstructionParser = {
  flags: {},
  parse: (statement) => ({ kind: 'cmd', command: parseCommand(statement) }),
};

export const entrypoint: InstructionParser = {
  flags: {},
  parse: (statement) => ({ kind: 'entrypoint', command: parseCommand(statement) }),
};

export const shell: InstructionParser = {
  flags: {},
  parse: (statement) => {
    const words = findJsonArray(required(statement, 'a shell, as in SHELL ["/bin/bash", "-c"]'));
    if (words !== undefined && words.length > 0) return { kind: 'shell', arguments: words };
    throw new SyntaxProblem('SHELL takes an array of JSON, as in SHELL ["/bin/bash", "-c"]', {
      offset: statement.restOffset,
    });
  },
};
