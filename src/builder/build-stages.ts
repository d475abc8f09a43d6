import type { StepRunner } from '../layer/index.js';
import type { Platform } from '../oci/index.js';
import type { BaseImages } from './base-images.js';
import type { BuildOptions } from './build-options.js';
import type { MountDirectories } from './cache/mount-directories.js';
import type { StepCache } from './cache/step-cache.js';
import type { SourceTree } from './context/source-tree.js';
import { ViewTree } from './context/view-tree.js';
import { type ExpandedStage, type Instruction, proxyEnvironment, resolveSource } from './dockerfile/index.js';
import { explained } from './explain.js';
import { checkRunnable } from './foreign-platform.js';
import { ImageState } from './image-state.js';
import { chainOf, type Layer } from './layer.js';
import type { Layers } from './layers.js';
import type { Material } from './material.js';
import { follow, type Progress } from './progress.js';
import { Rehearsal } from './rehearsal.js';
import type { RemoteSources } from './remote-sources.js';
import { baseLayers, imageState, StageBases } from './stage-bases.js';
import { StageBuilder } from './stage-builder.js';
import { basePlatform, isStep, planStages, type StagePlan, stageAt } from './stage-plan.js';
import { StageWords } from './stage-words.js';
import type { StepNumbers } from './step-numbers.js';
import { type Credentials, type MountOrigin, openMounts, prepareMounts } from './steps/mounts.js';
import type { StepParts } from './steps/step-parts.js';

/** Everything that a build works with. */
export type BuildParts = Readonly<{
  layers: Layers;
  cache: StepCache;
  directories: MountDirectories;
  bases: BaseImages;
  runner: StepRunner;
  remote: RemoteSources;
  credentials: Credentials;
  progress: Progress;
  signal: AbortSignal;
}>;

type Origin = MountOrigin & Readonly<{ name: string }>;

/**
 * Builds the stages that the target takes, for one platform: those that do not wait for each other at the same time.
 */
export class StagesBuild {
  readonly #options: BuildOptions;
  readonly #parts: BuildParts;
  readonly #plan: StagePlan;
  readonly #bases: StageBases;
  readonly #rehearsal: Rehearsal;
  readonly #results = new Map<number, Promise<ImageState>>();
  readonly #trees = new Map<string, Promise<ViewTree>>();
  readonly #started = Date.now();
  /** Calls off everything when something has failed. */
  readonly #failure = new AbortController();

  constructor(options: BuildOptions, platform: Platform, parts: BuildParts) {
    const signal = AbortSignal.any([parts.signal, this.#failure.signal]);
    this.#options = options;
    this.#parts = { ...parts, signal };
    this.#plan = planStages(options, platform);
    this.#bases = new StageBases(options, parts.bases, signal);
    this.#rehearsal = new Rehearsal({
      options,
      plan: this.#plan,
      base: (expanded, numbers) => this.#base(expanded, numbers),
      signal,
    });
  }

  /** @throws {StepError} the first instruction that failed. */
  async build(): Promise<ImageState> {
    const stages = this.#plan.needed.map((index) => this.#stage(index));
    try {
      await Promise.all(stages);
    } catch (error) {
      this.#failure.abort(error);
      await Promise.allSettled(stages); // nothing goes on behind the caller's back
      throw error;
    }
    const state = await this.#stage(this.#plan.target);
    state.addLabels(this.#options.labels);
    return state;
  }

  /** What was taken from elsewhere, in order of the addresses. Known once it is built. */
  get materials(): readonly Material[] {
    return this.#bases.materials;
  }

  #stage(index: number): Promise<ImageState> {
    let result = this.#results.get(index);
    if (result === undefined) {
      result = this.#buildStage(index);
      this.#results.set(index, result);
    }
    return result;
  }

  async #buildStage(index: number): Promise<ImageState> {
    const expanded = stageAt(this.#plan, index);
    const { base, instructions, numbers } = await this.#rehearsal.stage(index);
    const state = base ?? (await this.#stateBelow(expanded)).derive();
    state.takeTriggers(); // they are among the instructions
    const stage = this.#stageBuilder(state, expanded);
    for (const instruction of instructions) await this.#carryOut(stage, instruction, numbers);
    return state;
  }

  #stateBelow({ base }: ExpandedStage): Promise<ImageState> {
    if (base.kind !== 'stage') throw new TypeError(`a ${base.kind} is no stage`);
    return this.#stage(base.index);
  }

  async #carryOut(stage: StageBuilder, instruction: Instruction, numbers: StepNumbers): Promise<void> {
    const isLayer = isStep(instruction);
    const name = isLayer ? `${numbers.next()} ${instruction.source}` : instruction.source;
    const { dockerfile } = this.#options;
    await explained({ dockerfile, instruction, name, signal: this.#parts.signal }, async () => {
      if (!isLayer) return stage.configure(instruction);
      await stage.waitForSources(instruction);
      await follow(this.#parts.progress, name, (step) => stage.build(instruction, name, step));
    });
  }

  async #base(expanded: ExpandedStage, numbers: StepNumbers): Promise<ImageState> {
    const { base, stage } = expanded;
    if (base.kind === 'stage') throw new TypeError('a stage is built, not fetched');
    const platform = basePlatform(this.#plan, expanded);
    if (base.kind === 'scratch') return ImageState.scratch(platform);
    const name = `${numbers.next()} FROM ${base.reference}`;
    return follow(this.#parts.progress, name, async (step) => {
      const context = this.#bases.context(base.reference, platform);
      if (context?.kind === 'tree') return this.#treeAsBase(context.tree, platform, stage.from.source);
      const image = await this.#bases.image(base.reference, platform, (event) => step.transfer(event));
      step.cached();
      return imageState(image.config, baseLayers(image), platform);
    });
  }

  /** A directory as a base: an image of one layer, without configuration. */
  async #treeAsBase(tree: SourceTree, platform: Platform, text: string): Promise<ImageState> {
    const { copyStep } = await import('./steps/copy.js');
    const state = ImageState.scratch(platform);
    await copyStep(this.#step(state, [], QUIET), {
      verb: 'COPY',
      sources: [{ open: async () => tree, path: '/' }],
      destination: '/',
      link: false,
      parents: false,
      excludePatterns: [],
      ownership: 'root',
      unpack: false,
      text,
    });
    return state;
  }

  #stageBuilder(state: ImageState, expanded: ExpandedStage): StageBuilder {
    const { dockerfile, buildArgs, context, network, onFailed } = this.#options;
    const { index, name } = expanded.stage;
    const { layers, credentials, directories, signal, runner } = this.#parts;
    const findOrigin = (from: string, instruction: Instruction) =>
      this.#origin(from, index, instruction, state.platform);
    const findMountOrigin = (instruction: Instruction) => async (from: string | undefined) =>
      from === undefined ? { tree: context } : findOrigin(from, instruction);
    const cacheNamespace = buildArgs.get('BUILDKIT_CACHE_MOUNT_NS') ?? '';
    const mountParts = { layers, credentials, directories, signal, cacheNamespace };
    const { globals } = this.#plan;
    return new StageBuilder({
      state,
      words: new StageWords({ ...this.#options, escape: dockerfile.escape, globals, state }),
      context,
      findOrigin,
      treeOf: (origin) => this.#treeOf(origin),
      remote: this.#parts.remote,
      onFetched: (material) => this.#bases.note(material),
      step: (progress) => this.#step(state, name === undefined ? [] : [name], progress),
      network,
      run: {
        settings: this.#runSettings(),
        runner: checkRunnable(runner, state.platform, this.#options.buildPlatform),
        ...(onFailed && { onFailed }),
      },
      prepareMounts: (mounts, instruction) =>
        prepareMounts(mounts, { ...mountParts, findOrigin: findMountOrigin(instruction) }),
      openMounts: (prepared) =>
        openMounts(prepared, { ...mountParts, findOrigin: async () => ({ tree: context }) }),
    });
  }

  #runSettings() {
    const { addHosts, shmBytes, ulimits, cgroupParent, devices, buildArgs } = this.#options;
    return {
      hostname: buildArgs.get('BUILDKIT_SANDBOX_HOSTNAME') ?? 'buildkitsandbox',
      addHosts,
      ...(shmBytes !== undefined && { shmBytes }),
      ulimits,
      ...(cgroupParent !== undefined && { cgroupParent }),
      devices,
      ambient: proxyEnvironment(buildArgs),
    };
  }

  #step(state: ImageState, names: readonly string[], progress: StepParts['progress']): StepParts {
    const { noCache, epoch } = this.#options;
    const { layers, cache, signal } = this.#parts;
    const isOff = noCache === 'all' || (noCache !== 'none' && names.some((name) => noCache.includes(name)));
    return {
      state,
      layers,
      cache,
      useCache: !isOff,
      epochSeconds: epoch ?? Math.floor(this.#started / 1000),
      hasEpoch: epoch !== undefined,
      progress,
      signal,
    };
  }

  async #origin(from: string, at: number, { location }: Instruction, platform: Platform): Promise<Origin> {
    const source = resolveSource(this.#options.dockerfile, from, { at, location });
    if (source.kind === 'stage') {
      const { layers } = await this.#stage(source.index);
      return { layers: [...layers], name: `stage ${from}` };
    }
    const context = this.#bases.context(source.name, platform);
    if (context?.kind === 'tree') return { tree: context.tree, name: `context ${from}` };
    const image = await follow(this.#parts.progress, `[context ${from}]`, async (step) => {
      const found = await this.#bases.image(source.name, platform, (event) => step.transfer(event));
      step.cached();
      return found;
    });
    return { layers: baseLayers(image), name: `image ${from}` };
  }

  #treeOf(origin: Origin): Readonly<{ open: () => Promise<SourceTree>; chain?: string }> {
    if ('tree' in origin) return { open: async () => origin.tree };
    const chain = chainOf(origin.layers);
    return { open: () => this.#viewTree(origin, chain), chain };
  }

  #viewTree({ name, layers }: { name: string; layers: readonly Layer[] }, chain: string): Promise<ViewTree> {
    let tree = this.#trees.get(chain);
    if (tree === undefined) {
      tree = this.#parts.layers.view(layers).then((view) => new ViewTree(name, view));
      this.#trees.set(chain, tree);
    }
    return tree;
  }
}

const QUIET: StepParts['progress'] = {
  output: () => {},
  status: () => {},
  transfer: () => {},
  cached: () => {},
  done: () => {},
  failed: () => {},
};
