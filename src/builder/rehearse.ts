import type { BaseConfigs } from './base-images.js';
import { type BuildOptions, findContext } from './build-options.js';
import type { ExpandedStage, KnownBase } from './dockerfile/index.js';
import { ImageState } from './image-state.js';
import { Rehearsal } from './rehearsal.js';
import { imageState } from './stage-bases.js';
import { basePlatform, planStages, type StagePlan } from './stage-plan.js';

type Parts = Readonly<{ bases: BaseConfigs; signal: AbortSignal }>;

/**
 * Goes through all words as a build for the first platform would, and runs nothing. Of stages whose base cannot be had
 * it sees less.
 * @param scope stages that nobody needs are left out, unless `all` are asked for.
 * @returns what there is to know of the bases, by index of the stage: images and scratch.
 * @throws {StepError} the first instruction that makes no sense.
 */
export async function rehearse(
  options: BuildOptions,
  parts: Parts,
  scope: 'needed' | 'all' = 'needed',
): Promise<ReadonlyMap<number, KnownBase>> {
  const [first = options.buildPlatform] = options.platforms;
  const plan = planStages(options, first);
  const bases = new Map<number, KnownBase>();
  const base = async (expanded: ExpandedStage) => {
    const found = await findBase(expanded, plan, options, parts);
    if (found === undefined) return undefined;
    const { state, isImage } = found;
    const { variables: environment, platform, triggers } = state;
    bases.set(expanded.stage.index, { environment, triggers, ...(isImage && { platform }) });
    return state;
  };
  const rehearsal = new Rehearsal({ options, plan, base, signal: parts.signal });
  const stages = scope === 'all' ? plan.stages.map(({ stage }) => stage.index) : plan.needed;
  const rehearsed = stages.map((index) => rehearsal.stage(index));
  await Promise.allSettled(rehearsed);
  await Promise.all(rehearsed); // of several mistakes the first of the file
  return bases;
}

type Found = Readonly<{
  state: ImageState;
  /** Not scratch, nor what a context brought. */
  isImage: boolean;
}>;

async function findBase(
  expanded: ExpandedStage,
  plan: StagePlan,
  { contexts, pull }: BuildOptions,
  { bases, signal }: Parts,
): Promise<Found | undefined> {
  const { base } = expanded;
  const platform = basePlatform(plan, expanded);
  const scratch = { state: ImageState.scratch(platform), isImage: false };
  if (base.kind !== 'image') return scratch;
  const context = findContext(contexts, base.reference, platform);
  if (context?.kind === 'tree') return scratch;
  if (context?.kind === 'base') {
    const { config } = await context.resolve(platform);
    return { state: imageState(config, [], platform), isImage: false };
  }
  try {
    const config = await bases.describe(context?.name ?? base.reference, { platform, pull, signal });
    const isImage = context === undefined && config.rootfs.diff_ids.length > 0;
    return { state: imageState(config, [], platform), isImage };
  } catch {
    signal.throwIfAborted();
    return undefined; // the build will say why not
  }
}
