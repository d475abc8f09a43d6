import {
  CommandFailedError,
  DockerfileError,
  drawPlace,
  formatDockerfileError,
  StepError,
} from '../builder/index.js';

/** What a person needs to see of a failed build: the command's last words, the lines of the Dockerfile, the reason. */
export function describeBuildFailure(
  error: unknown,
  options: Readonly<{ showOutput: boolean }>,
): string | undefined {
  if (error instanceof DockerfileError) return `berth: ${formatDockerfileError(error)}`;
  if (!(error instanceof StepError)) return undefined;
  const reason = error.cause;
  const output = reason instanceof CommandFailedError && options.showOutput ? reason.output.trimEnd() : '';
  const said = output === '' ? [] : ['------', ` > ${error.step}:`, output, '------'];
  return [...said, drawPlace(error.place), `berth: cannot build: ${error.message}`].join('\n');
}
