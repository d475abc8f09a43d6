import type { Dockerfile } from '../dockerfile.js';
import type { AnyInstruction } from '../instruction.js';
import { allInstructions } from './casing.js';
import type { Report } from './check.js';

const RESERVED = ['scratch', 'context'];

/** Names of stages and arguments. */
export function checkNames(dockerfile: Dockerfile, report: Report): void {
  checkStageNames(dockerfile, report);
  for (const { instructions } of dockerfile.stages) {
    for (const instruction of instructions) {
      for (const name of definedNames(instruction)) {
        if (isSecretName(name)) report('SecretsUsedInArgOrEnv', [instruction.original, name], instruction);
      }
    }
  }
  for (const instruction of allInstructions(dockerfile)) checkDescription(instruction, report);
}

function checkStageNames({ stages }: Dockerfile, report: Report): void {
  const seen = new Set<string>();
  for (const { from, name } of stages) {
    if (name === undefined) continue;
    const written = from.writtenName ?? name;
    if (written !== name) report('StageNameCasing', [written], from);
    if (RESERVED.includes(name)) report('ReservedStageName', [name], from);
    if (seen.has(name)) report('DuplicateStageName', [written], from);
    seen.add(name);
  }
}

function definedNames(instruction: AnyInstruction): string[] {
  if (instruction.kind === 'arg') return instruction.args.map(({ name }) => name);
  return instruction.kind === 'env' ? instruction.pairs.map(({ key }) => key) : [];
}

const SECRET = /(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const HARMLESS = /(?:^|_)(?:public|file|version)(?:_|$)/i;

/** Whether the name of an argument or variable says that its value is secret. */
export function isSecretName(name: string): boolean {
  return SECRET.test(name) && !HARMLESS.test(name);
}

/** A comment right above FROM or ARG is taken for a description of what is named there. */
function checkDescription(instruction: AnyInstruction, report: Report): void {
  const names = describedNames(instruction);
  const [example] = names;
  const comment = instruction.comments.filter((text) => !/^check\s*=/i.test(text)).at(-1);
  if (example === undefined || comment === undefined) return;
  if (names.includes(comment.split(' ')[0] ?? '')) return;
  report(
    'InvalidDefinitionDescription',
    [instruction.original, names.length > 1 ? '<arg_key>' : example],
    instruction,
  );
}

function describedNames(instruction: AnyInstruction): string[] {
  if (instruction.kind === 'arg') return instruction.args.map(({ name }) => name);
  return instruction.kind === 'from' && instruction.name !== undefined ? [instruction.name] : [];
}
