import { didYouMean } from '../../spelling/index.js';
import { SyntaxProblem } from './errors.js';
import { Flags } from './flags.js';
import type { AnyInstruction, Instruction } from './instruction.js';
import { arg } from './parsers/arg.js';
import { cmd, entrypoint, shell } from './parsers/command.js';
import { add, copy } from './parsers/copy.js';
import { from } from './parsers/from.js';
import { healthcheck } from './parsers/healthcheck.js';
import { onbuild } from './parsers/onbuild.js';
import { env, label } from './parsers/pairs.js';
import { run } from './parsers/run.js';
import { expose, maintainer, stopsignal, user, volume, workdir } from './parsers/text.js';
import { type InstructionParser, type Statement, withCommon } from './statement.js';

const PARSERS: Readonly<Record<string, InstructionParser>> = {
  ADD: add,
  ARG: arg,
  CMD: cmd,
  COPY: copy,
  ENTRYPOINT: entrypoint,
  ENV: env,
  EXPOSE: expose,
  FROM: from,
  HEALTHCHECK: healthcheck,
  LABEL: label,
  MAINTAINER: maintainer,
  ONBUILD: onbuild,
  RUN: run,
  SHELL: shell,
  STOPSIGNAL: stopsignal,
  USER: user,
  VOLUME: volume,
  WORKDIR: workdir,
};

/** @throws {SyntaxProblem} */
export function parseInstruction(statement: Statement): AnyInstruction {
  const { keyword, flagWords } = statement;
  const name = keyword.toUpperCase();
  const parser = Object.hasOwn(PARSERS, name) ? PARSERS[name] : undefined;
  if (parser === undefined) {
    throw new SyntaxProblem(`unknown instruction: ${keyword}${didYouMean(name, Object.keys(PARSERS))}`, {
      word: keyword,
    });
  }
  const flags = new Flags(flagWords, parser.flags);
  return withCommon(statement, flags, parser.parse(statement, flags, parseInner));
}

/** All but FROM, which ONBUILD has refused before. */
function parseInner(statement: Statement): Instruction {
  const instruction = parseInstruction(statement);
  if (instruction.kind !== 'from') return instruction;
  throw new SyntaxProblem('FROM begins a stage and cannot be in another instruction', {
    word: statement.keyword,
  });
}
