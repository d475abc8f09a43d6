import type { StepRunner } from '../layer/index.js';
import { formatPlatform, matchesPlatform, type Platform, parsePlatform } from '../oci/index.js';
import type { BaseImage, BaseImages } from './base-images.js';
import { type BuildOptions, contextName, type NamedContext } from './build-options.js';
import type { MountDirectories } from './cache/mount-directories.js';
import type { StepCache } from './cache/step-cache.js';
import type { SourceTree } from './context/source-tree.js';
import { ViewTree } from './context/view-tree.js';
import {
  type Dockerfile,
  DockerfileError,
  type ExpandedStage,
  ExpansionError,
  expandStages,
  findTarget,
  globalScope,
  type Instruction,
  neededStages,
  parseTrigger,
  proxyEnvironment,
  resolveSource,
} from './dockerfile/index.js';
import { BuildError, StepError } from './errors.js';
import { checkRunnable } from './foreign-platform.js';
import { ImageState } from './image-state.js';
import { chainOf, type Layer } from './layer.js';
import type { Layers } from './layers.js';
import { imageMaterial, type Material } from './material.js';
import { follow, type Progress } from './progress.js';
import type { RemoteSources } from './remote-sources.js';
import { isStep, StageBuilder, type StageParts } from './stage-builder.js';
import { StepNumbers } from './step-numbers.js';
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

/** A stage whose base is known and whose words make sense. `base` is `undefined` where that is a stage. */
type Prepared = Readonly<{
  base: ImageState | undefined;
  instructions: readonly Instruction[];
  numbers: StepNumbers;
  /** As the state will be, but for the layers. */
  rehearsed: ImageState;
}>;

type Origin = MountOrigin & Readonly<{ name: string }>;

/**
 * Builds the stages that the target takes, for one platform: those that do not wait for each other at the same time.
 */
export class StagesBuild {
  readonly #options: BuildOptions;
  readonly #parts: BuildParts;
  readonly #platform: Platform;
  readonly #globals: ReadonlyMap<string, string>;
  readonly #stages: readonly ExpandedStage[];
  readonly #results = new Map<number, Promise<ImageState>>();
  readonly #prepared = new Map<number, Promise<Prepared>>();
  readonly #images = new Map<string, Promise<BaseImage>>();
  readonly #trees = new Map<string, Promise<ViewTree>>();
  readonly #materials = new Map<string, Material>();
  readonly #started = Date.now();
  /** Calls off everything when something has failed. */
  readonly #failure = new AbortController();

  constructor(options: BuildOptions, platform: Platform, parts: BuildParts) {
    this.#options = options;
    this.#platform = platform;
    this.#parts = { ...parts, signal: AbortSignal.any([parts.signal, this.#failure.signal]) };
    const target = findTarget(options.dockerfile, options.target);
    this.#globals = globalScope(options.dockerfile, {
      buildArgs: options.buildArgs,
      platforms: {
        build: options.buildPlatform,
        target: platform,
        ...(options.target !== undefined && target.name !== undefined && { stage: target.name }),
      },
    });
    this.#stages = expandStages(options.dockerfile, this.#globals);
  }

  /** @throws {StepError} the first instruction that failed. */
  async build(): Promise<ImageState> {
    const { dockerfile } = this.#options;
    const target = findTarget(dockerfile, this.#options.target);
    const needed = neededStages(dockerfile, this.#stages, target.index);
    const stages = needed.map((index) => this.#stage(index));
    try {
      await Promise.all(stages);
    } catch (error) {
      this.#failure.abort(error);
      await Promise.allSettled(stages); // nothing goes on behind the caller's back
      throw error;
    }
    const state = await this.#stage(target.index);
    state.addLabels(this.#options.labels);
    return state;
  }

  /** What was taken from elsewhere, in order of the addresses. Known once it is built. */
  get materials(): readonly Material[] {
    return [...this.#materials.values()].sort((a, b) => (a.uri < b.uri ? -1 : 1));
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
    const expanded = this.#expandedAt(index);
    const { base, instructions, numbers } = await this.#prepare(index);
    const state = base ?? (await this.#stateBelow(expanded)).derive();
    state.takeTriggers(); // they are among the instructions
    const stage = new StageBuilder(this.#stageParts(state, expanded));
    for (const instruction of instructions) await this.#carryOut(stage, instruction, numbers);
    return state;
  }

  #prepare(index: number): Promise<Prepared> {
    let prepared = this.#prepared.get(index);
    if (prepared === undefined) {
      prepared = this.#prepareStage(index);
      this.#prepared.set(index, prepared);
    }
    return prepared;
  }

  /** All words are gone through before anything runs: nobody should wait for a long step to learn of a mistake below. */
  async #prepareStage(index: number): Promise<Prepared> {
    const expanded = this.#expandedAt(index);
    const numbers = new StepNumbers(this.#labelOf(index));
    const own = expanded.stage.instructions;
    const { from } = expanded.stage;
    if (expanded.base.kind === 'image') numbers.total += 1;
    numbers.total += own.filter(isStep).length;
    const below =
      expanded.base.kind === 'stage' ? (await this.#prepare(expanded.base.index)).rehearsed : undefined;
    const base = below ? undefined : await this.#explained(from, () => this.#base(expanded, numbers));
    const rehearsed = (below ?? base ?? ImageState.scratch(this.#platform)).derive();
    const triggers = rehearsed.takeTriggers();
    const instructions = await this.#explained(from, () => [
      ...triggers.map((text) => ({ ...parseTrigger(text), location: from.location })),
      ...own,
    ]);
    numbers.total += instructions.slice(0, triggers.length).filter(isStep).length;
    const stage = new StageBuilder(this.#stageParts(rehearsed, expanded));
    for (const instruction of instructions)
      await this.#explained(instruction, () => stage.rehearse(instruction));
    return { base, instructions, numbers, rehearsed };
  }

  #expandedAt(index: number): ExpandedStage {
    const expanded = this.#stages[index];
    if (expanded === undefined) throw new RangeError(`there is no stage ${index}`);
    return expanded;
  }

  #stateBelow({ base }: ExpandedStage): Promise<ImageState> {
    if (base.kind !== 'stage') throw new TypeError(`a ${base.kind} is no stage`);
    return this.#stage(base.index);
  }

  /** @throws {StepError} in place of what `work` throws. */
  async #explained<T>(
    { source, location }: Pick<Instruction, 'source' | 'location'>,
    work: () => T | Promise<T>,
    name = source,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StepError || error instanceof DockerfileError) throw error;
      this.#parts.signal.throwIfAborted();
      throw new StepError(name, placeOf(this.#options.dockerfile, location, error), error);
    }
  }

  async #carryOut(stage: StageBuilder, instruction: Instruction, numbers: StepNumbers): Promise<void> {
    const isLayer = isStep(instruction);
    const name = isLayer ? `${numbers.next()} ${instruction.source}` : instruction.source;
    await this.#explained(
      instruction,
      async () => {
        if (!isLayer) return stage.configure(instruction);
        await stage.waitForSources(instruction);
        await follow(this.#parts.progress, name, (step) => stage.build(instruction, name, step));
      },
      name,
    );
  }

  async #base({ base, platform: stated, stage }: ExpandedStage, numbers: StepNumbers): Promise<ImageState> {
    if (base.kind === 'stage') throw new TypeError('a stage is built, not fetched');
    const platform =
      stated === undefined ? this.#platform : parsePlatform(stated, this.#options.buildPlatform);
    if (base.kind === 'scratch') return ImageState.scratch(platform);
    const name = `${numbers.next()} FROM ${base.reference}`;
    return follow(this.#parts.progress, name, async (step) => {
      const context = this.#namedContext(base.reference, platform);
      if (context?.kind === 'tree') return this.#treeAsBase(context.tree, platform, stage.from.source);
      const image = await this.#image(base.reference, platform, (text) => step.status(text));
      step.cached();
      return imageState(image, platform);
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

  #image(name: string, platform: Platform, onStatus: (text: string) => void): Promise<BaseImage> {
    const key = `${name} ${formatPlatform(platform)}`;
    let image = this.#images.get(key);
    if (image === undefined) {
      const context = this.#namedContext(name, platform);
      const { pull } = this.#options;
      const { signal } = this.#parts;
      image =
        context?.kind === 'base'
          ? context.resolve(platform)
          : this.#parts.bases.resolve(context?.kind === 'image' ? context.name : name, {
              platform,
              pull,
              onStatus,
              signal,
            });
      image = image.then((found) => {
        this.#note(imageMaterial(found, platform));
        return found;
      });
      this.#images.set(key, image);
    }
    return image;
  }

  #note(material: Material): void {
    this.#materials.set(`${material.uri} ${JSON.stringify(material.digest)}`, material);
  }

  #namedContext(name: string, platform: Platform): NamedContext | undefined {
    const { contexts } = this.#options;
    const key = contextName(name.toLowerCase());
    return contexts.get(`${key}::${formatPlatform(platform)}`) ?? contexts.get(key);
  }

  #stageParts(state: ImageState, expanded: ExpandedStage): StageParts {
    const { dockerfile, buildArgs, context, network, allowInsecure, onFailed } = this.#options;
    const { index, name } = expanded.stage;
    const { layers, credentials, directories, signal, runner } = this.#parts;
    const findOrigin = (from: string, instruction: Instruction) =>
      this.#origin(from, index, instruction, state.platform);
    const findMountOrigin = (instruction: Instruction) => async (from: string | undefined) =>
      from === undefined ? { tree: context } : findOrigin(from, instruction);
    const cacheNamespace = buildArgs.get('BUILDKIT_CACHE_MOUNT_NS') ?? '';
    const mountParts = { layers, credentials, directories, signal, cacheNamespace };
    return {
      state,
      escape: dockerfile.escape,
      buildArgs,
      globals: this.#globals,
      context,
      findOrigin,
      treeOf: (origin) => this.#treeOf(origin),
      remote: this.#parts.remote,
      onFetched: (material) => this.#note(material),
      step: (progress) => this.#step(state, name === undefined ? [] : [name], progress),
      network,
      allowInsecure,
      run: {
        settings: this.#runSettings(),
        runner: checkRunnable(runner, state.platform, this.#options.buildPlatform),
        ...(onFailed && { onFailed }),
      },
      prepareMounts: (mounts, instruction) =>
        prepareMounts(mounts, { ...mountParts, findOrigin: findMountOrigin(instruction) }),
      openMounts: (prepared) =>
        openMounts(prepared, { ...mountParts, findOrigin: async () => ({ tree: context }) }),
    };
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
    const context = this.#namedContext(source.name, platform);
    if (context?.kind === 'tree') return { tree: context.tree, name: `context ${from}` };
    const image = await follow(this.#parts.progress, `[context ${from}]`, async (step) => {
      const found = await this.#image(source.name, platform, (text) => step.status(text));
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

  /** As BuildKit: a stage without a name is called by its number, unless it is the only one. */
  #labelOf(index: number): string {
    const name = this.#stages[index]?.stage.name ?? (this.#stages.length > 1 ? `stage-${index}` : '');
    const isOne = this.#options.platforms.length === 1;
    return [...(isOne ? [] : [formatPlatform(this.#platform)]), ...(name === '' ? [] : [name])].join(' ');
  }
}

const QUIET: StepParts['progress'] = {
  output: () => {},
  status: () => {},
  cached: () => {},
  done: () => {},
  failed: () => {},
};

function placeOf(
  { name, lines }: Dockerfile,
  { line, endLine }: Readonly<{ line: number; endLine: number }>,
  error: unknown,
) {
  return { file: name, lines, line, endLine, ...(error instanceof ExpansionError && { word: error.word }) };
}

function imageState(image: BaseImage, wanted: Platform): ImageState {
  const { os, architecture, variant } = image.config;
  const platform = {
    ...wanted,
    os,
    architecture: architecture || wanted.architecture,
    ...(variant !== undefined && { variant }),
  };
  const isWanted = matchesPlatform(platform, wanted);
  return ImageState.image(isWanted ? wanted : platform, image.config, baseLayers(image));
}

/** @throws {BuildError} its manifest and its configuration tell of different numbers of layers. */
function baseLayers({ name, layers, config }: BaseImage): Layer[] {
  const diffIDs = config.rootfs.diff_ids;
  if (diffIDs.length !== layers.length) {
    throw new BuildError(`${name} has ${layers.length} layers, but its configuration says ${diffIDs.length}`);
  }
  return layers.flatMap((descriptor, i) => {
    const diffID = diffIDs[i];
    return diffID === undefined ? [] : [{ diffID, descriptor, isBase: true }];
  });
}
