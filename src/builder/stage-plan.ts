import { type Platform, parsePlatform } from '../oci/index.js';
import { type BuildOptions, findContext } from './build-options.js';
import {
  type ExpandedStage,
  expandStages,
  findTarget,
  globalScope,
  type Instruction,
  neededStages,
} from './dockerfile/index.js';

/** Which stages there are to build, as one platform sees them. */
export type StagePlan = Readonly<{
  platform: Platform;
  /** That of the machine that builds. */
  buildPlatform: Platform;
  globals: ReadonlyMap<string, string>;
  stages: readonly ExpandedStage[];
  /** Index of the stage that is wanted. */
  target: number;
  /** Those that it takes, itself included, in the order of the file. */
  needed: readonly number[];
}>;

/** @throws {DockerfileError} */
export function planStages(
  {
    dockerfile,
    target: wanted,
    buildArgs,
    buildPlatform,
    contexts,
  }: Pick<BuildOptions, 'dockerfile' | 'target' | 'buildArgs' | 'buildPlatform' | 'contexts'>,
  platform: Platform,
): StagePlan {
  const target = findTarget(dockerfile, wanted);
  const globals = globalScope(dockerfile, {
    buildArgs,
    platforms: {
      build: buildPlatform,
      target: platform,
      ...(wanted !== undefined && target.name !== undefined && { stage: target.name }),
    },
  });
  const stages = expandStages(dockerfile, globals).map((expanded) => {
    const { name } = expanded.stage;
    if (name === undefined) return expanded;
    const wanted = basePlatform({ platform, buildPlatform }, expanded);
    return findContext(contexts, name, wanted) === undefined ? expanded : replaced(expanded, name);
  });
  const needed = neededStages(dockerfile, stages, target.index);
  return { platform, buildPlatform, globals, stages, target: target.index, needed };
}

/** A named context takes the place of a stage: nothing of that is carried out. */
function replaced({ stage, platform }: ExpandedStage, name: string): ExpandedStage {
  return {
    stage: { ...stage, instructions: [] },
    base: { kind: 'image', reference: name },
    ...(platform !== undefined && { platform }),
  };
}

export function stageAt({ stages }: StagePlan, index: number): ExpandedStage {
  const expanded = stages[index];
  if (expanded === undefined) throw new RangeError(`there is no stage ${index}`);
  return expanded;
}

/** What the base of a stage is to be for. */
export function basePlatform(
  { platform, buildPlatform }: Pick<StagePlan, 'platform' | 'buildPlatform'>,
  { platform: stated }: ExpandedStage,
): Platform {
  return stated === undefined ? platform : parsePlatform(stated, buildPlatform);
}

/** Instructions that people see as steps of a build. */
export function isStep({ kind }: Instruction): boolean {
  return kind === 'run' || kind === 'copy' || kind === 'add' || kind === 'workdir';
}
