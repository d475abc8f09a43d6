import { type Dockerfile, DockerfileError, ExpansionError, type Instruction } from './dockerfile/index.js';
import { StepError } from './errors.js';

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

function placeOf(
  { name, lines }: Dockerfile,
  { line, endLine }: Readonly<{ line: number; endLine: number }>,
  error: unknown,
) {
  return { file: name, lines, line, endLine, ...(error instanceof ExpansionError && { word: error.word }) };
}
