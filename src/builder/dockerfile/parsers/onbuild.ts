import { SyntaxProblem } from '../errors.js';
import { type InstructionParser, required, splitStatement } from '../statement.js';

const REFUSED = ['ONBUILD', 'FROM', 'MAINTAINER'];

export const onbuild: InstructionParser = {
  flags: {},
  parse: (statement, _flags, parseInner) => {
    const text = required(statement, 'an instruction');
    const { line, restOffset, heredocs } = statement;
    const inner = { ...splitStatement(line, statement.escape, restOffset), heredocs };
    if (REFUSED.includes(inner.keyword.toUpperCase())) {
      throw new SyntaxProblem(`ONBUILD cannot hold ${inner.keyword.toUpperCase()}`, {
        offset: restOffset,
        word: inner.keyword,
      });
    }
    const bodies = heredocs.map(({ name, content }) => `\n${content}${name}`);
    return { kind: 'onbuild', text: [text, ...bodies].join(''), inner: parseInner(inner) };
  },
};
