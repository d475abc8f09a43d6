import type { Dockerfile, Stage } from '../dockerfile.js';
import type { IgnoreRules } from '../ignore-rules.js';
import type { AddInstruction, CopyInstruction, Instruction } from '../instruction.js';
import { BadPatternError, hasWildcards } from '../match.js';
import type { CheckContext, Report } from './check.js';

/** What single instructions should not be. */
export function checkInstructions({ stages }: Dockerfile, { ignore }: CheckContext, report: Report): void {
  for (const stage of stages) {
    checkOnlyOnce(stage, report);
    checkShellForms(stage, report);
    for (const instruction of stage.instructions) checkOne(instruction, ignore, report);
  }
}

function checkOne(instruction: Instruction, ignore: IgnoreRules | undefined, report: Report): void {
  if (instruction.kind === 'maintainer') report('MaintainerDeprecated', [], instruction);
  if ((instruction.kind === 'env' || instruction.kind === 'label') && instruction.legacy) {
    report('LegacyKeyValueFormat', [instruction.original], instruction);
  }
  if ((instruction.kind === 'copy' || instruction.kind === 'add') && ignore !== undefined) {
    checkSources(instruction, ignore, report);
  }
}

const ONLY_ONCE = ['cmd', 'entrypoint', 'healthcheck'];

/** All but the last are for nothing. */
function checkOnlyOnce({ instructions }: Stage, report: Report): void {
  for (const kind of ONLY_ONCE) {
    const same = instructions.filter((instruction) => instruction.kind === kind);
    for (const instruction of same.slice(0, -1)) {
      report('MultipleInstructionsDisallowed', [instruction.original], instruction);
    }
  }
}

/** Whoever has chosen a shell wants it. */
function checkShellForms({ instructions }: Stage, report: Report): void {
  for (const instruction of instructions) {
    if (instruction.kind === 'shell') return;
    if (instruction.kind !== 'cmd' && instruction.kind !== 'entrypoint') continue;
    if (instruction.command.form !== 'exec')
      report('JSONArgsRecommended', [instruction.original], instruction);
  }
}

/** Patterns, variables, addresses and other stages are left to the build. */
function checkSources(
  instruction: AddInstruction | CopyInstruction,
  ignore: IgnoreRules,
  report: Report,
): void {
  if (instruction.kind === 'copy' && instruction.from !== undefined) return;
  const command = instruction.kind === 'add' ? 'Add' : 'Copy';
  for (const source of instruction.sources) {
    if (source.type !== 'path' || hasWildcards(source.path) || /\$|:\/\/|^git@/.test(source.path)) continue;
    const path = cleaned(source.path);
    if (path !== '' && isWhollyIgnored(path, ignore))
      report('CopyIgnoredFile', [command, source.path], instruction);
  }
}

function isWhollyIgnored(path: string, ignore: IgnoreRules): boolean {
  try {
    return ignore.ignores(path) && !ignore.mayContainKept(path);
  } catch (error) {
    if (error instanceof BadPatternError) return false;
    throw error;
  }
}

function cleaned(path: string): string {
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return kept.join('/');
}
