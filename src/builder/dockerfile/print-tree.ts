import type { Dockerfile, Stage } from './dockerfile.js';
import type { AnyInstruction } from './instruction.js';
import type { Location } from './location.js';

/** What every line shows in front, or what follows from the rest. */
const HIDDEN = ['kind', 'original', 'keyword', 'location', 'source', 'comments', 'flags', 'inner', 'form'];

/**
 * The parsed file as text, for tests and for looking at: a line for each instruction, with its lines, its name and
 * its members as JSON. What is false, empty or the default is left out. Equal files give equal text.
 */
export function printTree(dockerfile: Dockerfile): string {
  const { directives, globalArgs, stages, warnings } = dockerfile;
  const lines = [
    ...Object.entries(directives).map(([name, value]) => `directive ${name}=${JSON.stringify(value)}`),
    ...globalArgs.map((instruction) => printInstruction(instruction)),
    ...stages.flatMap(printStage),
    ...warnings.map(({ rule, line }) => `warning ${rule} line ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

function printStage({ index, from, instructions }: Stage): string[] {
  return [
    `stage ${index}: ${printInstruction(from)}`,
    ...instructions.map((instruction) => `  ${printInstruction(instruction)}`),
  ];
}

function printInstruction(instruction: AnyInstruction): string {
  const members = Object.entries(instruction)
    .filter(([name, value]) => !HIDDEN.includes(name) && !isDefault(value))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const inner = instruction.kind === 'onbuild' ? [`-> ${printInstruction(instruction.inner)}`] : [];
  return [printLocation(instruction.location), instruction.original, ...members, ...inner].join(' ');
}

function isDefault(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === false || value === 'default' || value === 'sandbox';
}

function printLocation({ line, endLine }: Location): string {
  return line === endLine ? `${line}` : `${line}-${endLine}`;
}
