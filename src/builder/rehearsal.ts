import { formatPlatform } from '../oci/index.js';
import type { BuildOptions } from './build-options.js';
import { checkWords, type ExpandedStage, type Instruction, parseTrigger } from './dockerfile/index.js';
import { explained } from './explain.js';
import type { ImageState } from './image-state.js';
import { isStep, type StagePlan, stageAt } from './stage-plan.js';
import { StageWords } from './stage-words.js';
import { StepNumbers } from './step-numbers.js';

/** A stage whose words make sense. */
export type Rehearsed = Readonly<{
  /** Not where it is a stage, nor where nobody knows it. */
  base?: ImageState;
  /** With those that the base wants to be run first. */
  instructions: readonly Instruction[];
  numbers: StepNumbers;
  /** As the state will be, but for the layers. */
  state?: ImageState;
}>;

type Parts = Readonly<{
  options: Pick<BuildOptions, 'dockerfile' | 'buildArgs' | 'allowInsecure' | 'platforms'>;
  plan: StagePlan;
  /** What a stage that is not from another begins with, if that is known. */
  base: (expanded: ExpandedStage, numbers: StepNumbers) => Promise<ImageState | undefined>;
  signal: AbortSignal;
}>;

/** Goes through all words of a stage before anything runs: nobody should wait for a long step to learn of a mistake below. */
export class Rehearsal {
  readonly #parts: Parts;
  readonly #stages = new Map<number, Promise<Rehearsed>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws {StepError} the first instruction that makes no sense, or the base cannot be had. */
  stage(index: number): Promise<Rehearsed> {
    let stage = this.#stages.get(index);
    if (stage === undefined) {
      stage = this.#rehearse(index);
      this.#stages.set(index, stage);
    }
    return stage;
  }

  async #rehearse(index: number): Promise<Rehearsed> {
    const { options, plan, base: baseOf } = this.#parts;
    const expanded = stageAt(plan, index);
    const { base, stage } = expanded;
    const { from, instructions: own } = stage;
    const numbers = new StepNumbers(this.#labelOf(expanded));
    if (base.kind === 'image') numbers.total += 1;
    numbers.total += own.filter(isStep).length;
    const beginning =
      base.kind === 'stage'
        ? (await this.stage(base.index)).state
        : await this.#explained(from, () => baseOf(expanded, numbers));
    if (beginning === undefined) {
      for (const instruction of own)
        await this.#explained(instruction, () => checkWords(instruction, options.dockerfile));
      return { instructions: own, numbers };
    }
    const state = beginning.derive();
    const triggers = state.takeTriggers();
    const instructions = await this.#explained(from, () => [
      ...triggers.map((text) => ({ ...parseTrigger(text), location: from.location })),
      ...own,
    ]);
    numbers.total += instructions.slice(0, triggers.length).filter(isStep).length;
    const words = new StageWords({
      ...options,
      escape: options.dockerfile.escape,
      globals: plan.globals,
      state,
    });
    for (const instruction of instructions)
      await this.#explained(instruction, () => words.rehearse(instruction));
    return { ...(base.kind !== 'stage' && { base: beginning }), instructions, numbers, state };
  }

  #explained<T>(
    instruction: Pick<Instruction, 'source' | 'location'>,
    work: () => T | Promise<T>,
  ): Promise<T> {
    const { options, signal } = this.#parts;
    return explained({ dockerfile: options.dockerfile, instruction, signal }, work);
  }

  /** As BuildKit: a stage without a name is called by its number, unless it is the only one. */
  #labelOf({ stage }: ExpandedStage): string {
    const { options, plan } = this.#parts;
    const name = stage.name ?? (plan.stages.length > 1 ? `stage-${stage.index}` : '');
    const isOne = options.platforms.length === 1;
    return [...(isOne ? [] : [formatPlatform(plan.platform)]), ...(name === '' ? [] : [name])].join(' ');
  }
}
