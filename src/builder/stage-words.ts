import { posix } from 'node:path';
import { findDigest, parseSignal } from '../oci/index.js';
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
  parseChmod,
  parseMounts,
  parsePorts,
  type RunInstruction,
  runArguments,
  type WorkdirInstruction,
} from './dockerfile/index.js';
import { BuildError } from './errors.js';
import type { ImageState } from './image-state.js';
import { remoteKind } from './sources/address.js';

/** Arguments that tell the builder something, and commands nothing. */
const SILENT_ARGS = ['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE'];

/** What the words of a stage are read with. */
export type WordParts = Readonly<{
  state: ImageState;
  escape: '\\' | '`';
  buildArgs: ReadonlyMap<string, string>;
  globals: ReadonlyMap<string, string>;
  allowInsecure: boolean;
}>;

/** What COPY and ADD take: a path of some tree, or a file that the Dockerfile itself has. */
export type ExpandedSource =
  | Readonly<{ type: 'path'; path: string }>
  | Readonly<{ type: 'file'; name: string; content: string }>;

/**
 * What the words of instructions come to, with the variables that a stage has by then. Runs nothing and reads no
 * files: a stage may be gone through with it alone. All methods throw {@link BuildError} and errors of the language.
 */
export class StageWords {
  readonly #parts: WordParts;
  readonly #state: ImageState;

  constructor(parts: WordParts) {
    this.#parts = parts;
    this.#state = parts.state;
  }

  /** Instructions that only change the configuration. */
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
        this.#stopSignal(instruction.signal);
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
   */
  rehearse(instruction: Instruction): void {
    switch (instruction.kind) {
      case 'workdir':
        this.#state.setWorkdir(this.workdir(instruction));
        return;
      case 'copy':
      case 'add':
        this.sources(instruction);
        this.placement(instruction);
        if (instruction.kind === 'add') this.checksum(instruction);
        return;
      case 'run':
        this.mounts(instruction);
        return;
      default:
        this.configure(instruction);
    }
  }

  sources({ sources }: CopyInstruction | AddInstruction): ExpandedSource[] {
    return sources.map((source) =>
      source.type === 'path'
        ? { ...source, path: this.expand(source.path) }
        : {
            type: 'file',
            name: source.heredoc.name,
            content: expandHeredoc(source.heredoc, this.#state.lookup),
          },
    );
  }

  /** Where and how COPY and ADD put what they take. */
  placement(instruction: CopyInstruction | AddInstruction) {
    const { exclude, link } = instruction;
    const chown = instruction.chown === undefined ? undefined : this.expand(instruction.chown);
    const chmod = instruction.chmod === undefined ? undefined : this.expand(instruction.chmod);
    if (instruction.chmod !== undefined && chmod) aboutWord(instruction.chmod, () => parseChmod(chmod));
    return {
      destination: this.#destination(instruction.destination),
      ...(chown !== undefined && chown !== '' && { chown }),
      ...(chmod !== undefined && chmod !== '' && { chmod }),
      link,
      ...(exclude.length > 0 && { exclude: IgnoreRules.of(exclude) }),
      excludePatterns: exclude,
      text: this.#historyText(instruction),
    };
  }

  /** The absolute path. */
  workdir({ path }: WorkdirInstruction): string {
    return posix.resolve('/', this.#state.workdir, this.expand(path));
  }

  /** What ends in a slash, or in a name that can only be a directory's, is one. */
  #destination(written: string): string {
    const path = this.expand(written);
    if (path === '') throw new BuildError('the destination is empty', { word: written });
    const absolute = posix.resolve('/', this.#state.workdir, path);
    const isDirectory = /(^|\/)\.{0,2}$/.test(path);
    return isDirectory && absolute !== '/' ? `${absolute}/` : absolute;
  }

  #historyText(instruction: CopyInstruction | AddInstruction): string {
    const { chown, chmod, sources } = instruction;
    const words = [
      instruction.original,
      ...(instruction.kind === 'copy' && instruction.parents ? ['--parents'] : []),
      ...(chown === undefined ? [] : [`--chown=${this.expand(chown)}`]),
      ...(chmod === undefined ? [] : [`--chmod=${this.expand(chmod)}`]),
      ...sources.flatMap((source) => (source.type === 'path' ? [this.expand(source.path)] : [])),
      ...sources.flatMap((source) => (source.type === 'heredoc' ? [`<<${source.heredoc.name}`] : [])),
      this.expand(instruction.destination),
    ];
    return `${words.join(' ')} # buildkit`;
  }

  /** @returns the digest of a file, or the beginning of a commit: what the only source can have. */
  checksum(instruction: AddInstruction): string | undefined {
    const { checksum: word = '' } = instruction;
    const checksum = this.expand(word);
    if (checksum === '') return undefined;
    const [source, ...others] = this.sources(instruction);
    const kind = source?.type === 'path' ? remoteKind(source.path) : undefined;
    if (kind === undefined || others.length > 0)
      throw new BuildError('--checksum is for a single source that is a URL or a git repository', { word });
    const isFit = kind === 'git' ? /^[0-9a-f]{4,64}$/.test(checksum) : findDigest(checksum) !== undefined;
    if (isFit) return checksum;
    const form = kind === 'git' ? 'the commit, or how it begins' : 'sha256:<hex> of the file';
    throw new BuildError(`invalid checksum ${JSON.stringify(checksum)}: write ${form}`, { word });
  }

  mounts(instruction: RunInstruction) {
    if (instruction.security === 'insecure' && !this.#parts.allowInsecure) {
      throw new BuildError('RUN --security=insecure has to be allowed: build with --allow security.insecure');
    }
    return parseMounts(instruction.mounts, {
      expand: (value) => this.expand(value),
      workdir: this.#state.workdir,
    });
  }

  expand(word: string): string {
    return expand(word, this.#state.lookup, { escape: this.#parts.escape });
  }

  #nonEmpty(word: string, name: string): string {
    const value = this.expand(word);
    if (value === '') throw new BuildError(`${name} is empty once ${word} is expanded`, { word });
    return value;
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
    return pairs.map(({ key, value }) => ({ key: this.expand(key), value: this.expand(value) }));
  }

  #expose({ ports }: ExposeInstruction): void {
    const words = ports.flatMap((word) =>
      expandWords(word, this.#state.lookup, { escape: this.#parts.escape }),
    );
    this.#state.expose([...new Set(parsePorts(words))].sort());
  }

  #stopSignal(word: string): void {
    const signal = this.expand(word);
    aboutWord(word, () => parseSignal(signal));
    this.#state.stopSignal(signal);
  }
}

/** @throws {BuildError} in place of a RangeError: it is this word that is wrong. */
function aboutWord(word: string, read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BuildError(error.message, { word, cause: error });
  }
}
