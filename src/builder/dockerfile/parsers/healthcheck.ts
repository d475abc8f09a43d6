import type { Healthcheck } from '../../../oci/index.js';
import { didYouMean } from '../../../spelling/index.js';
import { parseDuration } from '../duration.js';
import { SyntaxProblem } from '../errors.js';
import type { Flags } from '../flags.js';
import { type InstructionParser, required, type Statement } from '../statement.js';
import { findJsonArray, splitFirst } from '../words.js';

const TIMES = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
} as const;

export const healthcheck: InstructionParser = {
  flags: {
    interval: 'string',
    timeout: 'string',
    'start-period': 'string',
    'start-interval': 'string',
    retries: 'string',
  },
  parse: (statement, flags) => {
    const [type, command = ''] = splitFirst(required(statement, 'CMD and a command, or NONE'));
    const upper = type.toUpperCase();
    if (upper === 'NONE') return none(command);
    if (upper === 'CMD') return { kind: 'healthcheck', ...check(command, statement, flags) };
    const nearest = didYouMean(type, ['CMD', 'NONE']);
    throw new SyntaxProblem(`HEALTHCHECK is CMD or NONE, not ${JSON.stringify(type)}${nearest}`, {
      word: type,
    });
  },
};

function none(rest: string) {
  if (rest !== '') throw new SyntaxProblem('HEALTHCHECK NONE takes no arguments', { word: rest });
  return { kind: 'healthcheck', form: 'none', healthcheck: { Test: ['NONE'] } } as const;
}

function check(command: string, { keyword }: Statement, flags: Flags) {
  const words = findJsonArray(command);
  if (command === '' || words?.length === 0) {
    throw new SyntaxProblem('HEALTHCHECK CMD needs a command', { word: keyword });
  }
  const test = words === undefined ? ['CMD-SHELL', command] : ['CMD', ...words];
  const form = words === undefined ? ('shell' as const) : ('exec' as const);
  return { form, healthcheck: { Test: test, ...times(flags), ...retries(flags) } };
}

const MINIMUM = 1e6;

function times(flags: Flags): Healthcheck {
  const entries = Object.entries(TIMES).flatMap(([name, member]) => {
    const text = flags.text(name) ?? '';
    return text === '' ? [] : [[member, nanoseconds(text, name, flags)] as const];
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== 0));
}

function nanoseconds(text: string, name: string, flags: Flags): number {
  const duration = readDuration(text, name, flags);
  if (duration === 0 || duration >= MINIMUM) return duration;
  throw flags.problem(name, `--${name} is 0 or at least 1ms, not ${text}`);
}

function readDuration(text: string, name: string, flags: Flags): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof RangeError) throw flags.problem(name, `--${name}: ${error.message}`);
    throw error;
  }
}

const MAX_RETRIES = 2 ** 31 - 1;

function retries(flags: Flags): Healthcheck {
  const text = flags.text('retries') ?? '';
  const number = Number(text);
  if (!/^[-+]?\d*$/.test(text) || number < 0 || number > MAX_RETRIES) {
    throw flags.problem('retries', `--retries is a number that is not negative, not ${JSON.stringify(text)}`);
  }
  return number === 0 ? {} : { Retries: number };
}
