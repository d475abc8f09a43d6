import { SyntaxProblem } from '../errors.js';
import type { KeyValue } from '../instruction.js';
import { type InstructionParser, required, type Statement } from '../statement.js';
import { splitFirst, splitWords } from '../words.js';

export const env: InstructionParser = {
  flags: {},
  parse: (statement) => ({ kind: 'env', ...parsePairs(statement) }),
};

export const label: InstructionParser = {
  flags: {},
  parse: (statement) => ({ kind: 'label', ...parsePairs(statement) }),
};

/** `name=value …`, or the old `name value`. */
function parsePairs(statement: Statement): { pairs: KeyValue[]; legacy: boolean } {
  const rest = required(statement, 'name=value');
  const words = splitWords(rest, statement.escape);
  if (words[0]?.includes('=')) {
    return { pairs: words.map((word) => parsePair(word, statement)), legacy: false };
  }
  const [key, value] = splitFirst(rest);
  if (value === undefined) {
    throw new SyntaxProblem(`${statement.keyword.toUpperCase()} needs a value: ${key}=…`, { word: key });
  }
  return { pairs: [{ key, value }], legacy: true };
}

function parsePair(word: string, { keyword, rest, restOffset }: Statement): KeyValue {
  const equals = word.indexOf('=');
  const at = { word, offset: restOffset + Math.max(0, rest.indexOf(word)) };
  if (equals < 0) {
    throw new SyntaxProblem(
      `can't find = in ${JSON.stringify(word)}; write name=value, with quotes around blanks`,
      at,
    );
  }
  if (equals === 0) throw new SyntaxProblem(`${keyword.toUpperCase()} needs a name in front of =`, at);
  return { key: word.slice(0, equals), value: word.slice(equals + 1) };
}
