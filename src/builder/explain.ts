import {
  type Dockerfile,
  DockerfileError,
  ExpansionError,
  type Instruction,
  PortError,
} from './dockerfile/index.js';
import { BuildError, StepError } from './errors.js';

type Explanation = Readonly<{
  dockerfile: Dockerfile;
  instruction: Pick<Instruction, 'source' | 'location'>;
  /** As progress has it; the instruction's own text by default. */
  name?: string;
  signal: AbortSignal;
}>;

/** Does some of the work of an instruction. @throws {StepError} in place of what `work` throws. */
export async function explained<T>(
  { dockerfile, instruction, name = instruction.source, signal }: Explanation,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StepError || error instanceof DockerfileError) throw error;
    signal.throwIfAborted();
    throw new StepError(name, placeOf(dockerfile, instruction.location, error), error);
  }
}

/** What is wrong, as it stands in the file, where that is known. */
function wordOf(error: unknown): { word?: string } {
  if (error instanceof ExpansionError || error instanceof PortError) return { word: error.word };
  return error instanceof BuildError && error.word !== undefined ? { word: error.word } : {};
}

function placeOf(
  { name, lines }: Dockerfile,
  { line, endLine }: Readonly<{ line: number; endLine: number }>,
  error: unknown,
) {
  return { file: name, lines, line, endLine, ...wordOf(error) };
}
