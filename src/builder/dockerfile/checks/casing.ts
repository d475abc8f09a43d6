import type { Dockerfile } from '../dockerfile.js';
import type { AnyInstruction, FromInstruction } from '../instruction.js';
import type { Report } from './check.js';

/** Whether a file shouts or whispers throughout. */
export function checkCasing(dockerfile: Dockerfile, report: Report): void {
  const instructions = allInstructions(dockerfile);
  const lower = instructions.filter(({ keyword }) => isLower(keyword)).length;
  const upper = instructions.filter(({ keyword }) => isUpper(keyword)).length;
  const [casing, fits] =
    lower > upper ? (['lowercase', isLower] as const) : (['uppercase', isUpper] as const);
  for (const instruction of instructions) {
    if (!fits(instruction.keyword))
      report('ConsistentInstructionCasing', [instruction.keyword, casing], instruction);
  }
  for (const { from } of dockerfile.stages) checkAs(from, report);
}

/** A keyword that is neither is found by the other check. */
function checkAs(from: FromInstruction, report: Report): void {
  const { keyword, asKeyword } = from;
  if (asKeyword === undefined) return;
  const wrong = (isLower(keyword) && !isLower(asKeyword)) || (isUpper(keyword) && !isUpper(asKeyword));
  if (wrong) report('FromAsCasing', [keyword, asKeyword], from);
}

export function allInstructions({ globalArgs, stages }: Dockerfile): AnyInstruction[] {
  return [...globalArgs, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])];
}

function isLower(text: string): boolean {
  return text === text.toLowerCase();
}

function isUpper(text: string): boolean {
  return text === text.toUpperCase();
}
