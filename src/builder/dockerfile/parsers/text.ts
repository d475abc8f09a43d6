import { parseSignal } from '../../../oci/index.js';
import { SyntaxProblem } from '../errors.js';
import { type InstructionParser, required } from '../statement.js';
import { findJsonArray, splitBlanks } from '../words.js';

export const workdir: InstructionParser = {
  flags: {},
  parse: (statement) => ({ kind: 'workdir', path: required(statement, 'a path') }),
};

export const user: InstructionParser = {
  flags: {},
  parse: (statement) => ({
    kind: 'user',
    user: required(statement, 'a user, as in USER app or USER 1000:1000'),
  }),
};

export const maintainer: InstructionParser = {
  flags: {},
  parse: (statement) => ({ kind: 'maintainer', maintainer: required(statement, 'a name') }),
};

export const stopsignal: InstructionParser = {
  flags: {},
  parse: (statement) => {
    const signal = required(statement, 'a signal, as in STOPSIGNAL SIGTERM');
    if (!/[$'"\\`]/.test(signal)) checkSignal(signal);
    return { kind: 'stopsignal', signal };
  },
};

function checkSignal(signal: string): void {
  try {
    parseSignal(signal);
  } catch (error) {
    if (error instanceof RangeError) throw new SyntaxProblem(error.message, { word: signal });
    throw error;
  }
}

export const expose: InstructionParser = {
  flags: {},
  parse: (statement) => ({ kind: 'expose', ports: splitBlanks(required(statement, 'a port')).sort() }),
};

export const volume: InstructionParser = {
  flags: {},
  parse: (statement) => {
    const rest = required(statement, 'a path');
    const paths = (findJsonArray(rest) ?? splitBlanks(rest)).map((path) => path.trim());
    if (paths.length === 0 || paths.includes('')) {
      throw new SyntaxProblem('VOLUME needs a path that is not empty', { offset: statement.restOffset });
    }
    return { kind: 'volume', paths };
  },
};
