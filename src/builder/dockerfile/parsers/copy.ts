import { parseChmod } from '../chmod.js';
import { SyntaxProblem } from '../errors.js';
import type { Flags } from '../flags.js';
import { findHeredoc } from '../heredoc.js';
import type { CopySource } from '../instruction.js';
import type { InstructionParser, Statement } from '../statement.js';
import { findJsonArray, splitBlanks } from '../words.js';

const PLACEMENT = { chown: 'string', chmod: 'string', link: 'boolean', exclude: 'list' } as const;

export const copy: InstructionParser = {
  flags: { from: 'string', ...PLACEMENT, parents: 'boolean' },
  parse: (statement, flags) => {
    const from = flags.text('from');
    if (from?.includes('$')) {
      throw flags.problem(
        'from',
        'variables are not expanded in --from; name a stage with FROM, whose line may have variables',
      );
    }
    return {
      kind: 'copy',
      ...placement(statement, flags),
      ...(from === undefined ? {} : { from }),
      parents: flags.isOn('parents') ?? false,
    };
  },
};

export const add: InstructionParser = {
  flags: { ...PLACEMENT, checksum: 'string', 'keep-git-dir': 'boolean', unpack: 'boolean' },
  parse: (statement, flags) => {
    const [checksum, keepGitDir, unpack] = [
      flags.text('checksum'),
      flags.isOn('keep-git-dir'),
      flags.isOn('unpack'),
    ];
    return {
      kind: 'add',
      ...placement(statement, flags),
      ...(checksum === undefined ? {} : { checksum }),
      ...(keepGitDir === undefined ? {} : { keepGitDir }),
      ...(unpack === undefined ? {} : { unpack }),
    };
  },
};

function placement(statement: Statement, flags: Flags) {
  const [chown, chmod] = [flags.text('chown'), flags.text('chmod')];
  return {
    ...sourcesAndDestination(statement),
    ...(chown === undefined ? {} : { chown }),
    ...(chmod === undefined ? {} : { chmod: checkedChmod(chmod, flags) }),
    link: flags.isOn('link') ?? false,
    exclude: flags.texts('exclude'),
  };
}

/** A mode with variables in it is looked at when these are known. */
function checkedChmod(chmod: string, flags: Flags): string {
  if (chmod.includes('$')) return chmod;
  try {
    parseChmod(chmod);
    return chmod;
  } catch (error) {
    if (error instanceof RangeError) throw flags.problem('chmod', error.message);
    throw error;
  }
}

function sourcesAndDestination(statement: Statement) {
  const { rest, keyword, restOffset } = statement;
  const json = findJsonArray(rest);
  const words = json ?? splitBlanks(rest);
  const destination = words.at(-1);
  if (destination === undefined || words.length < 2) {
    const missing = words.length === 0 ? 'a source and a destination' : 'a destination behind the source';
    throw new SyntaxProblem(`${keyword.toUpperCase()} needs ${missing}`, {
      word: destination ?? keyword,
      offset: words.length === 0 ? undefined : restOffset,
    });
  }
  if (json === undefined && findHeredoc(destination) !== undefined) {
    throw new SyntaxProblem(`a heredoc cannot be the destination of ${keyword.toUpperCase()}`, {
      word: destination,
    });
  }
  const sources = words.slice(0, -1).map((word) => sourceOf(word, statement, json === undefined));
  return { sources, destination };
}

function sourceOf(word: string, { heredocs }: Statement, mayBeHeredoc: boolean): CopySource {
  const token = mayBeHeredoc ? findHeredoc(word) : undefined;
  const heredoc = heredocs.findLast(({ name }) => name === token?.name);
  return heredoc === undefined ? { type: 'path', path: word } : { type: 'heredoc', heredoc };
}
