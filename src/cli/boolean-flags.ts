import type { Command, Option } from 'commander';
import { findBoolean } from '../spelling/index.js';

/**
 * Makes `--push=true` the `--push` that commander knows. `--push=false` becomes `--no-push` where there is one, else it
 * takes back what came before it. Where there is only `--no-push`, `--push` is its opposite, with and without a value.
 * @returns what is left to be parsed.
 */
export function takeBooleanValues(command: Command, args: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    if (arg === '--') return [...kept, ...args.slice(i)];
    if (wantsNext(command, arg)) {
      kept.push(...args.slice(i, i + 2));
      i++;
      continue;
    }
    const { letters, flag, text } = partsOf(command, arg);
    kept.push(...letters);
    const found = findSwitch(command, flag);
    if (found === undefined || (text === undefined && !found.isOpposite)) {
      kept.push(letters.length > 0 ? `${flag}=${text}` : arg);
      continue;
    }
    const value = findBoolean(text ?? 'true');
    if (value === undefined) command.error(`error: option '${flag}' is true or false, not '${text}'`);
    kept.splice(0, kept.length, ...withSwitch(command, kept, found.option, value !== found.isOpposite));
  }
  return kept;
}

/** `-it=false` is `-i` and `-t=false`, where both are switches. */
function partsOf(
  command: Command,
  arg: string,
): { letters: string[]; flag: string; text: string | undefined } {
  const [, flag = arg, text] = /^(--?[^=]+)=(.*)$/s.exec(arg) ?? [];
  const letters = [...(/^-[^-]+$/.test(flag) ? flag.slice(1) : '')].map((letter) => `-${letter}`);
  const areSwitches = letters.every((letter) => findSwitch(command, letter) !== undefined);
  if (text === undefined || letters.length < 2 || !areSwitches) return { letters: [], flag, text };
  return { letters: letters.slice(0, -1), flag: letters.at(-1) ?? flag, text };
}

/** The switch that a flag is, or is the unnamed opposite of. */
function findSwitch(command: Command, flag: string): { option: Option; isOpposite: boolean } | undefined {
  const named = command.options.find((each) => isCalled(each, flag));
  if (named !== undefined) return takesNothing(named) ? { option: named, isOpposite: false } : undefined;
  const negated = command.options.find(({ negate, long }) => negate && long === flag.replace(/^--/, '--no-'));
  return negated && { option: negated, isOpposite: true };
}

/** The words with which a switch is on, or off, whatever was said before. */
function withSwitch(command: Command, words: readonly string[], option: Option, isOn: boolean): string[] {
  if (isOn) return [...words, option.long ?? option.short ?? ''];
  const opposite = command.options.find((each) => isOpposite(each, option));
  if (opposite?.long) return [...words, opposite.long];
  command.setOptionValueWithSource(option.attributeName(), option.negate, 'cli');
  return words.filter((earlier) => !isCalled(option, earlier));
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
