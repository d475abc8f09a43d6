import { SyntaxProblem } from '../errors.js';
import type { InstructionParser } from '../statement.js';
import { splitBlanks } from '../words.js';
import { describedBy } from './arg.js';

const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/;

export const from: InstructionParser = {
  flags: { platform: 'string' },
  parse: ({ rest, keyword, line }, flags) => {
    const [base, asKeyword, writtenName, ...others] = splitBlanks(rest);
    if (base === undefined) throw new SyntaxProblem('FROM needs an image', { word: keyword });
    const platform = flags.text('platform');
    const head = { kind: 'from', base, ...(platform === undefined ? {} : { platform }) } as const;
    if (asKeyword === undefined) return head;
    if (asKeyword.toLowerCase() !== 'as' || writtenName === undefined || others.length > 0) {
      throw new SyntaxProblem('FROM takes an image, or an image AS a name', {
        word: others[0] ?? asKeyword,
      });
    }
    const name = writtenName.toLowerCase();
    if (!STAGE_NAME.test(name)) throw new SyntaxProblem(badName(writtenName), { word: writtenName });
    return { ...head, name, writtenName, asKeyword, ...describedBy(line.comments, name) };
  },
};

function badName(name: string): string {
  return `invalid name of a stage: ${JSON.stringify(name)}; it begins with a letter, and has letters, digits, "-", "_" and "."`;
}
