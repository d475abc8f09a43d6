import { MemoryTree } from './context/memory-tree.js';
import type { SourceTree } from './context/source-tree.js';
import {
  type AddInstruction,
  type CopyInstruction,
  type Instruction,
  type parseMounts,
  type RunInstruction,
  runArguments,
} from './dockerfile/index.js';
import type { ImageState } from './image-state.js';
import type { Material } from './material.js';
import type { StepProgress } from './progress.js';
import type { RemoteSources } from './remote-sources.js';
import { remoteKind } from './sources/address.js';
import type { ExpandedSource, StageWords } from './stage-words.js';
import { type CopySource, copyStep } from './steps/copy.js';
import type { MountedStep, MountOrigin, PreparedMount } from './steps/mounts.js';
import { type RunRequest, runStep } from './steps/run.js';
import type { StepParts } from './steps/step-parts.js';
import { workdirStep } from './steps/workdir.js';

/** What a stage is built with, beside its instructions. */
export type StageParts = Readonly<{
  state: ImageState;
  words: StageWords;
  context: SourceTree;
  /** Where `--from` leads. */
  findOrigin: (from: string, instruction: Instruction) => Promise<MountOrigin & Readonly<{ name: string }>>;
  /** `chain` names the tree where it needs no look to be known. */
  treeOf: (
    origin: MountOrigin & Readonly<{ name: string }>,
  ) => Readonly<{ open: () => Promise<SourceTree>; chain?: string }>;
  remote: RemoteSources;
  onFetched: (material: Material) => void;
  step: (progress: StepProgress) => StepParts;
  network: 'default' | 'none' | 'host';
  run: Pick<RunRequest, 'settings' | 'runner' | 'onFailed'>;
  prepareMounts: (
    texts: ReturnType<typeof parseMounts>,
    instruction: Instruction,
  ) => Promise<PreparedMount[]>;
  openMounts: (prepared: readonly PreparedMount[]) => Promise<MountedStep>;
}>;

/** Carries out one instruction of a stage after another. */
export class StageBuilder {
  readonly #parts: StageParts;
  readonly #state: ImageState;
  readonly #words: StageWords;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.#state = parts.state;
    this.#words = parts.words;
  }

  /** Instructions that only change the configuration. @throws {BuildError} and errors of the language. */
  configure(instruction: Instruction): void {
    this.#words.configure(instruction);
  }

  /** Stages that an instruction copies from are finished before it begins. */
  async waitForSources(instruction: Instruction): Promise<void> {
    if (instruction.kind !== 'copy' || instruction.from === undefined) return;
    await this.#parts.findOrigin(instruction.from, instruction);
  }

  /** Instructions that make a layer. @param name as progress has it. */
  async build(instruction: Instruction, name: string, progress: StepProgress): Promise<void> {
    const step = this.#parts.step(progress);
    step.signal.throwIfAborted();
    switch (instruction.kind) {
      case 'workdir':
        return workdirStep(step, this.#words.workdir(instruction));
      case 'copy':
        return this.#copy(instruction, step);
      case 'add':
        return this.#add(instruction, step, progress);
      case 'run':
        return this.#run(instruction, name, step);
      default:
        throw new TypeError(`${instruction.kind} makes no layer`);
    }
  }

  async #copy(instruction: CopyInstruction, step: StepParts): Promise<void> {
    const { from } = instruction;
    const origin = from === undefined ? undefined : await this.#parts.findOrigin(from, instruction);
    const found = origin === undefined ? undefined : this.#parts.treeOf(origin);
    const open = found?.open ?? (async () => this.#parts.context);
    const isFromLayers = found?.chain !== undefined;
    const sources = this.#words.sources(instruction).map((source) => this.#copied(source, open, step));
    const hasHeredoc = instruction.sources.some(({ type }) => type === 'heredoc');
    await copyStep(step, {
      ...this.#words.placement(instruction),
      sources,
      verb: 'COPY',
      parents: instruction.parents,
      ownership: isFromLayers ? 'keep' : 'root',
      unpack: false,
      ...(isFromLayers && !hasHeredoc && { sourceChain: found.chain }),
    });
  }

  async #add(instruction: AddInstruction, step: StepParts, progress: StepProgress): Promise<void> {
    const { remote, onFetched } = this.#parts;
    const checksum = this.#words.checksum(instruction);
    const written = this.#words.sources(instruction);
    const sources: CopySource[] = [];
    let isOnlyLocal = true;
    for (const source of written) {
      if (!(source.type === 'path' && remoteKind(source.path) !== undefined)) {
        sources.push(this.#copied(source, async () => this.#parts.context, step));
        continue;
      }
      isOnlyLocal = false;
      const fetched = await remote.fetch({
        url: source.path,
        ...(checksum !== undefined && { checksum }),
        keepGitDirectory: instruction.keepGitDir === true,
        signal: step.signal,
        onStatus: (text) => progress.status(text),
      });
      onFetched(fetched.material);
      sources.push({ open: async () => fetched.tree, path: fetched.path });
    }
    await copyStep(step, {
      ...this.#words.placement(instruction),
      sources,
      verb: 'ADD',
      parents: false,
      ownership: 'root',
      unpack: instruction.unpack ?? isOnlyLocal,
    });
  }

  #copied(source: ExpandedSource, open: CopySource['open'], { epochSeconds }: StepParts): CopySource {
    if (source.type === 'path') return { open, path: source.path };
    const file = { content: Buffer.from(source.content), mtime: epochSeconds };
    const tree = new MemoryTree('here-document', [[source.name, file]]);
    return { open: async () => tree, path: source.name };
  }

  async #run(instruction: RunInstruction, name: string, step: StepParts): Promise<void> {
    const { network, run, prepareMounts, openMounts } = this.#parts;
    const mounts = this.#words.mounts(instruction);
    const { arguments: args, script } = runArguments(instruction.command, this.#state.shell);
    await runStep(step, {
      ...run,
      name,
      args,
      ...(script && { script }),
      network: instruction.flags.includes('network') ? instruction.network : network,
      security: instruction.security,
      devices: instruction.devices,
      mounts: await prepareMounts(mounts, instruction),
      openMounts,
    });
  }
}
