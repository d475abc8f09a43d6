import type { EscapeCharacter } from './dockerfile.js';
import { expand } from './expand.js';
import type { Instruction } from './instruction.js';
import { parsePort } from './ports.js';

/**
 * The words of an instruction in which variables are expanded, and nowhere else: not in commands, for these have a
 * shell, nor in `--from` and `--exclude`. All of them see the variables from before the instruction.
 * Bodies of heredocs are not among them.
 */
export function expandableWords(instruction: Instruction): readonly string[] {
  switch (instruction.kind) {
    case 'arg':
      return instruction.args.flatMap(({ value }) => value ?? []);
    case 'env':
    case 'label':
      return instruction.pairs.flatMap(({ key, value }) => [key, value]);
    case 'copy':
    case 'add':
      return [
        ...instruction.sources.flatMap((source) => (source.type === 'path' ? [source.path] : [])),
        instruction.destination,
        ...present(instruction.chown, instruction.chmod),
        ...(instruction.kind === 'add' ? present(instruction.checksum) : []),
      ];
    case 'run':
      return instruction.mounts;
    case 'expose':
      return instruction.ports;
    case 'volume':
      return instruction.paths;
    case 'workdir':
      return [instruction.path];
    case 'user':
      return [instruction.user];
    case 'stopsignal':
      return [instruction.signal];
    default:
      return [];
  }
}

/**
 * What can be said of the words while nobody knows the variables.
 * @throws {ExpansionError} or {PortError}: they are wrong whatever the variables are.
 */
export function checkWords(
  instruction: Instruction,
  { escape: escapeWith }: Readonly<{ escape: EscapeCharacter }>,
): void {
  const words = expandableWords(instruction);
  for (const word of words) expand(word, () => 'set', { escape: escapeWith });
  if (instruction.kind === 'expose') for (const word of words) if (/^[^$'"\\`]*$/.test(word)) parsePort(word);
}

function present(...words: readonly (string | undefined)[]): string[] {
  return words.filter((word) => word !== undefined);
}
