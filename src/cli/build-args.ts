import { type Dockerfile, type Progress, unusedBuildArgs } from '../builder/index.js';

/** Tells of build arguments that do not do what somebody may think. */
export function warnOfArgs(
  dockerfile: Dockerfile,
  buildArgs: ReadonlyMap<string, string>,
  progress: Pick<Progress, 'warn'>,
): void {
  const unused = unusedBuildArgs(dockerfile, buildArgs.keys()).filter(
    (arg) => !/^(SOURCE_DATE_EPOCH|BUILDKIT_.*)$/.test(arg), // those are for the builder
  );
  if (buildArgs.has('BUILDKIT_SYNTAX'))
    progress.warn('BUILDKIT_SYNTAX has no effect: Dockerfiles are always read by this program itself');
  if (unused.length > 0) progress.warn(`no ARG asks for --build-arg ${unused.join(', ')}`);
}
