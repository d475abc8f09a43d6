import {
  CommandFailedError,
  DockerfileError,
  drawPlace,
  formatDockerfileError,
  StepError,
} from '../builder/index.js';
import { printable } from './printable.js';

/** What a person needs to see of a failed build: the command's last words, the lines of the Dockerfile, the reason. */
export function describeBuildFailure(
  error: unknown,
  options: Readonly<{ showOutput: boolean }>,
): string | undefined {
  if (error instanceof DockerfileError) return printable(`berth: ${formatDockerfileError(error)}`);
  if (!(error instanceof StepError)) return undefined;
  const reason = error.cause;
  const output = reason instanceof CommandFailedError && options.showOutput ? reason.output.trimEnd() : '';
  const said = output === '' ? [] : ['------', ` > ${printable(error.step)}:`, output, '------'];
  return [...said, drawPlace(error.place), `berth: cannot build: ${printable(error.message)}`].join('\n');
}
