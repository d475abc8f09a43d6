import type { Command, Option } from 'commander';
import { findBoolean } from '../spelling/index.js';

/**
 * Makes `--push=true` the `--push` that commander knows. `--push=false` becomes `--no-push` where there is one, else it
 * takes back what came before it.
 * @returns what is left to be parsed.
 */
export function takeBooleanValues(command: Command, args: readonly string[]): string[] {
  const kept: string[] = [];
  for (const [i, arg] of args.entries()) {
    if (arg === '--') return [...kept, ...args.slice(i)];
    const [, flag = '', text = ''] = /^(--?[^=]+)=(.*)$/s.exec(arg) ?? [];
    const option = command.options.find((each) => takesNothing(each) && isCalled(each, flag));
    if (option === undefined) {
      kept.push(arg);
      continue;
    }
    const isSet = findBoolean(text);
    if (isSet === undefined) command.error(`error: option '${flag}' is true or false, not '${text}'`);
    const opposite = command.options.find((each) => isOpposite(each, option));
    if (isSet) kept.push(flag);
    else if (opposite?.long) kept.push(opposite.long);
    else {
      kept.splice(0, kept.length, ...kept.filter((earlier) => !isCalled(option, earlier)));
      command.setOptionValueWithSource(option.attributeName(), option.negate, 'cli');
    }
  }
  return kept;
}

/** How many words of a command line come before the first that is neither an option nor the value of one. */
export function countOptions(command: Command, args: readonly string[]): number {
  let index = 0;
  while (index < args.length) {
    const arg = args[index] ?? '';
    if (arg === '--' || arg === '-' || !arg.startsWith('-')) return index;
    index += wantsNext(command, arg) ? 2 : 1;
  }
  return args.length;
}

/** Whether the value of an option, or of the last of several letters, is the next word. */
function wantsNext(command: Command, arg: string): boolean {
  const takesValue = (flag: string) =>
    command.options.some((option) => isCalled(option, flag) && option.required);
  if (arg.startsWith('--')) return !arg.includes('=') && takesValue(arg);
  const letters = [...arg.slice(1)];
  const at = letters.findIndex((letter) => takesValue(`-${letter}`));
  return at >= 0 && at === letters.length - 1;
}

function isCalled({ short, long }: Option, flag: string): boolean {
  return flag === short || flag === long;
}

function takesNothing(option: Option): boolean {
  return !option.required && !option.optional;
}

function isOpposite(option: Option, other: Option): boolean {
  return (
    takesNothing(option) && option.negate !== other.negate && option.attributeName() === other.attributeName()
  );
}
