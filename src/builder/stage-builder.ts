import { posix } from 'node:path';
import { MemoryTree } from './context/memory-tree.js';
import type { SourceTree } from './context/source-tree.js';
import {
  type AddInstruction,
  type ArgInstruction,
  argValue,
  type CopyInstruction,
  type ExposeInstruction,
  expand,
  expandHeredoc,
  expandWords,
  IgnoreRules,
  type Instruction,
  type KeyValue,
  parseMounts,
  parsePorts,
  parseSignal,
  type RunInstruction,
  runArguments,
  type CopySource as WrittenSource,
} from './dockerfile/index.js';
import { BuildError } from './errors.js';
import type { ImageState } from './image-state.js';
import type { Material } from './material.js';
import type { StepProgress } from './progress.js';
import type { RemoteSources } from './remote-sources.js';
import { type CopySource, copyStep } from './steps/copy.js';
import type { MountedStep, MountOrigin, PreparedMount } from './steps/mounts.js';
import { type RunRequest, runStep } from './steps/run.js';
import type { StepParts } from './steps/step-parts.js';
import { workdirStep } from './steps/workdir.js';

/** Arguments that tell the builder something, and commands nothing. */
const SILENT_ARGS = ['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE'];

/** What a stage is built with, beside its instructions. */
export type StageParts = Readonly<{
  state: ImageState;
  escape: '\\' | '`';
  buildArgs: ReadonlyMap<string, string>;
  globals: ReadonlyMap<string, string>;
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
  allowInsecure: boolean;
  run: Pick<RunRequest, 'settings' | 'runner' | 'onFailed'>;
  prepareMounts: (
    texts: ReturnType<typeof parseMounts>,
    instruction: Instruction,
  ) => Promise<PreparedMount[]>;
  openMounts: (prepared: readonly PreparedMount[]) => Promise<MountedStep>;
}>;

/** Instructions that people see as steps of a build. */
export function isStep({ kind }: Instruction): boolean {
  return kind === 'run' || kind === 'copy' || kind === 'add' || kind === 'workdir';
}

/** Carries out one instruction of a stage after another. */
export class StageBuilder {
  readonly #parts: StageParts;
  readonly #state: ImageState;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.#state = parts.state;
  }

  /** Instructions that only change the configuration. @throws {BuildError} and errors of the language. */
  configure(instruction: Instruction): void {
    const state = this.#state;
    switch (instruction.kind) {
      case 'arg':
        this.#declare(instruction);
        return;
      case 'env':
        state.env(this.#pairs(instruction.pairs));
        return;
      case 'label':
        state.label(this.#pairs(instruction.pairs));
        return;
      case 'cmd':
        state.command(runArguments(instruction.command, state.shell).arguments);
        return;
      case 'entrypoint':
        state.entrypoint(runArguments(instruction.command, state.shell).arguments);
        return;
      case 'expose':
        this.#expose(instruction);
        return;
      case 'volume':
        state.volume(instruction.paths.map((path) => this.#nonEmpty(path, 'VOLUME')));
        return;
      case 'user':
        state.setUser(this.#nonEmpty(instruction.user, 'USER'));
        return;
      case 'healthcheck':
        state.healthcheck(instruction.healthcheck);
        return;
      case 'shell':
        state.setShell(instruction.arguments);
        return;
      case 'stopsignal':
        this.#stopSignal(this.#expand(instruction.signal));
        return;
      case 'maintainer':
        state.maintainer(instruction.maintainer);
        return;
      case 'onbuild':
        state.onbuild(instruction.text);
        return;
      default:
        throw new TypeError(`${instruction.kind} makes a layer`);
    }
  }

  /**
   * Goes through the words of an instruction as if it were carried out, the state included, so that what cannot be is
   * known before anything runs.
   * @throws {BuildError} and errors of the language.
   */
  rehearse(instruction: Instruction): void {
    switch (instruction.kind) {
      case 'workdir':
        this.#state.setWorkdir(this.#workdirOf(this.#expand(instruction.path)));
        return;
      case 'copy':
      case 'add':
        for (const source of instruction.sources) if (source.type === 'path') this.#expand(source.path);
        this.#placement(instruction, []);
        return;
      case 'run':
        this.#mountsOf(instruction);
        return;
      default:
        this.configure(instruction);
    }
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
        return workdirStep(step, this.#workdirOf(this.#expand(instruction.path)));
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

  /** Later names of one instruction see the earlier ones. */
  #declare({ args }: ArgInstruction): void {
    const { buildArgs, globals, escape: escapeCharacter } = this.#parts;
    const declared = new Map<string, string>();
    const lookup = (name: string) => declared.get(name) ?? this.#state.lookup(name);
    const values = args.map((arg) => {
      const value = argValue(arg, { buildArgs, globals }, lookup, {
        escape: escapeCharacter,
      });
      if (value !== undefined) declared.set(arg.name, value);
      return { name: arg.name, value, isVariable: !SILENT_ARGS.includes(arg.name) };
    });
    this.#state.declare(values);
  }

  #pairs(pairs: readonly KeyValue[]): KeyValue[] {
    return pairs.map(({ key, value }) => ({ key: this.#expand(key), value: this.#expand(value) }));
  }

  #expose({ ports }: ExposeInstruction): void {
    const words = ports.flatMap((word) =>
      expandWords(word, this.#state.lookup, { escape: this.#parts.escape }),
    );
    this.#state.expose([...new Set(parsePorts(words))].sort());
  }

  #stopSignal(text: string): void {
    parseSignal(text);
    this.#state.stopSignal(text);
  }

  #workdirOf(path: string): string {
    return posix.resolve('/', this.#state.workdir, path);
  }

  async #copy(instruction: CopyInstruction, step: StepParts): Promise<void> {
    const { from } = instruction;
    const origin = from === undefined ? undefined : await this.#parts.findOrigin(from, instruction);
    const found = origin === undefined ? undefined : this.#parts.treeOf(origin);
    const open = found?.open ?? (async () => this.#parts.context);
    const isFromLayers = found?.chain !== undefined;
    const sources = this.#sources(instruction.sources, open, step);
    const hasHeredoc = instruction.sources.some(({ type }) => type === 'heredoc');
    await copyStep(step, {
      ...this.#placement(instruction, sources),
      verb: 'COPY',
      parents: instruction.parents,
      ownership: isFromLayers ? 'keep' : 'root',
      unpack: false,
      ...(isFromLayers && !hasHeredoc && { sourceChain: found.chain }),
    });
  }

  async #add(instruction: AddInstruction, step: StepParts, progress: StepProgress): Promise<void> {
    const { remote, onFetched } = this.#parts;
    const checksum = instruction.checksum === undefined ? undefined : this.#expand(instruction.checksum);
    const written = instruction.sources.map((source) =>
      source.type === 'path' ? { ...source, path: this.#expand(source.path) } : source,
    );
    const remotes = written.filter((source) => source.type === 'path' && remote.isRemote(source.path));
    if (checksum !== undefined && (remotes.length !== 1 || written.length !== 1)) {
      throw new BuildError('--checksum is for a single source that is a URL or a git repository');
    }
    const sources: CopySource[] = [];
    let isOnlyLocal = true;
    for (const source of written) {
      if (!(source.type === 'path' && remote.isRemote(source.path))) {
        sources.push(...this.#sources([source], async () => this.#parts.context, step, { isExpanded: true }));
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
      ...this.#placement(instruction, sources),
      verb: 'ADD',
      text: this.#historyText('ADD', instruction, written),
      parents: false,
      ownership: 'root',
      unpack: instruction.unpack ?? isOnlyLocal,
    });
  }

  #sources(
    sources: readonly WrittenSource[],
    open: CopySource['open'],
    { epochSeconds }: StepParts,
    options: { isExpanded?: boolean } = {},
  ): CopySource[] {
    return sources.map((source) => {
      if (source.type === 'path') {
        return { open, path: options.isExpanded === true ? source.path : this.#expand(source.path) };
      }
      const { heredoc } = source;
      const content = expandHeredoc(heredoc, this.#state.lookup);
      const file = { content: Buffer.from(content), mtime: epochSeconds };
      const tree = new MemoryTree('here-document', [[heredoc.name, file]]);
      return { open: async () => tree, path: heredoc.name };
    });
  }

  #placement(instruction: CopyInstruction | AddInstruction, sources: readonly CopySource[]) {
    const { exclude, link } = instruction;
    const chown = instruction.chown === undefined ? undefined : this.#expand(instruction.chown);
    const chmod = instruction.chmod === undefined ? undefined : this.#expand(instruction.chmod);
    return {
      sources,
      destination: this.#destination(this.#expand(instruction.destination)),
      ...(chown !== undefined && chown !== '' && { chown }),
      ...(chmod !== undefined && chmod !== '' && { chmod }),
      link,
      ...(exclude.length > 0 && { exclude: IgnoreRules.of(exclude) }),
      excludePatterns: exclude,
      text: this.#historyText('COPY', instruction, instruction.sources),
    };
  }

  /** What ends in a slash, or in a name that can only be a directory's, is one. */
  #destination(path: string): string {
    if (path === '') throw new BuildError('the destination is empty');
    const absolute = posix.resolve('/', this.#state.workdir, path);
    const isDirectory = /(^|\/)\.{0,2}$/.test(path);
    return isDirectory && absolute !== '/' ? `${absolute}/` : absolute;
  }

  #historyText(
    verb: 'COPY' | 'ADD',
    instruction: CopyInstruction | AddInstruction,
    sources: readonly WrittenSource[],
  ): string {
    const { chown, chmod } = instruction;
    const words = [
      verb,
      ...(instruction.kind === 'copy' && instruction.parents ? ['--parents'] : []),
      ...(chown === undefined ? [] : [`--chown=${this.#expand(chown)}`]),
      ...(chmod === undefined ? [] : [`--chmod=${this.#expand(chmod)}`]),
      ...sources.flatMap((source) =>
        source.type === 'path' ? [verb === 'ADD' ? source.path : this.#expand(source.path)] : [],
      ),
      ...sources.flatMap((source) => (source.type === 'heredoc' ? [`<<${source.heredoc.name}`] : [])),
      this.#expand(instruction.destination),
    ];
    return `${words.join(' ')} # buildkit`;
  }

  async #run(instruction: RunInstruction, name: string, step: StepParts): Promise<void> {
    const { network, run, prepareMounts, openMounts } = this.#parts;
    const mounts = this.#mountsOf(instruction);
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

  #mountsOf(instruction: RunInstruction) {
    if (instruction.security === 'insecure' && !this.#parts.allowInsecure) {
      throw new BuildError('RUN --security=insecure has to be allowed: build with --allow security.insecure');
    }
    return parseMounts(instruction.mounts, {
      expand: (value) => this.#expand(value),
      workdir: this.#state.workdir,
    });
  }

  #expand(word: string): string {
    return expand(word, this.#state.lookup, { escape: this.#parts.escape });
  }

  #nonEmpty(word: string, name: string): string {
    const value = this.#expand(word);
    if (value === '') throw new BuildError(`${name} is empty once ${word} is expanded`);
    return value;
  }
}
