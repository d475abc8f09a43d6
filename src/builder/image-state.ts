import type { ContainerConfig, Healthcheck, ImageConfig, Platform } from '../oci/index.js';
import { Environment } from './environment.js';
import { healthcheckText, plainList, quotedList } from './history.js';
import { ImageHistory } from './image-history.js';
import type { Layer } from './layer.js';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_SHELL: readonly string[] = ['/bin/sh', '-c'];

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

type Arg = Readonly<{ name: string; value: string | undefined }>;

/**
 * What a stage has become so far: configuration, history and layers of its image, and the variables that its
 * instructions see. The texts of the history are BuildKit's.
 */
export class ImageState {
  readonly platform: Platform;
  /** Members of the base's configuration that are not known here survive. */
  readonly #base: ImageConfig;
  readonly #config: Mutable<ContainerConfig>;
  /** What ENV has set, and LABEL: put into the configuration at the end, since there may be thousands of them. */
  readonly #environment: Environment;
  #labels: Map<string, string> | undefined;
  readonly #history: ImageHistory;
  #layers: Layer[];
  /** ENV and ARG: the later one counts. */
  readonly #variables: Environment;
  /** ARGs in the order of their declaration, for the history of RUN. */
  readonly #args: Arg[];
  #author: string | undefined;
  #hasOwnCommand = false;

  private constructor(from: {
    platform: Platform;
    base: ImageConfig;
    config: ContainerConfig;
    environment: Environment;
    labels: ReadonlyMap<string, string> | undefined;
    history: ImageHistory;
    layers: readonly Layer[];
    variables: Environment;
    args: readonly Arg[];
    author: string | undefined;
  }) {
    this.platform = from.platform;
    this.#base = from.base;
    this.#config = { ...from.config };
    this.#environment = from.environment;
    this.#labels = from.labels && new Map(from.labels);
    this.#history = from.history;
    this.#layers = [...from.layers];
    this.#variables = from.variables;
    this.#args = [...from.args];
    this.#author = from.author;
  }

  /** `FROM scratch`. */
  static scratch(platform: Platform): ImageState {
    const { os, architecture, variant } = platform;
    const base: ImageConfig = {
      architecture,
      os,
      ...(variant !== undefined && { variant }),
      rootfs: { type: 'layers', diff_ids: [] },
    };
    const config = { Env: [`PATH=${DEFAULT_PATH}`], WorkingDir: '/' };
    return ImageState.#on(platform, base, config, []);
  }

  /** FROM an image. Its ONBUILD is taken out by {@link takeTriggers}. */
  static image(platform: Platform, base: ImageConfig, layers: readonly Layer[]): ImageState {
    const config = { ...base.config };
    if (!config.Env?.some((line) => line.startsWith('PATH='))) {
      config.Env = [...(config.Env ?? []), `PATH=${DEFAULT_PATH}`];
    }
    return ImageState.#on(platform, base, config, layers);
  }

  static #on(
    platform: Platform,
    base: ImageConfig,
    config: ContainerConfig,
    layers: readonly Layer[],
  ): ImageState {
    const history = ImageHistory.of(base);
    const { Env, Labels } = config;
    const variables = Environment.parse(Env ?? []);
    return new ImageState({
      platform,
      base,
      config,
      environment: variables.clone(),
      labels: Labels ? new Map(Object.entries(Labels)) : undefined,
      history,
      layers,
      variables,
      args: [],
      author: base.author,
    });
  }

  /** FROM a stage: ARGs come along. */
  derive(): ImageState {
    return new ImageState({
      platform: this.platform,
      base: this.#base,
      config: this.#config,
      environment: this.#environment.clone(),
      labels: this.#labels,
      history: this.#history.clone(),
      layers: this.#layers,
      variables: this.#variables.clone(),
      args: this.#args,
      author: this.#author,
    });
  }

  get layers(): readonly Layer[] {
    return this.#layers;
  }

  get workdir(): string {
    return this.#config.WorkingDir || '/';
  }

  get user(): string {
    return this.#config.User ?? '';
  }

  get shell(): readonly string[] {
    return this.#config.Shell ?? DEFAULT_SHELL;
  }

  /** Values of ENV and ARG. */
  readonly lookup = (name: string): string | undefined => this.#variables.get(name);

  get variables(): ReadonlyMap<string, string> {
    return this.#variables.values;
  }

  /** What a RUN sees. */
  environment(): string[] {
    return this.#variables.lines();
  }

  /** Commands that images from this one are to begin with. */
  get triggers(): readonly string[] {
    return this.#config.OnBuild ?? [];
  }

  /** Those of the base, which are carried out now. They are gone after that. */
  takeTriggers(): readonly string[] {
    const { triggers } = this;
    delete this.#config.OnBuild;
    return triggers;
  }

  // Instructions without a layer

  env(pairs: readonly Readonly<{ key: string; value: string }>[]): void {
    for (const { key, value } of pairs) {
      this.#environment.set(key, value);
      this.#variables.set(key, value);
    }
    this.#history.note(['ENV', ...pairs.map(({ key, value }) => `${key}=${value}`)].join(' '));
  }

  /** @param args `isVariable`: a few names mean something to the builder alone. */
  declare(args: readonly (Arg & Readonly<{ isVariable: boolean }>)[]): void {
    for (const { name, value, isVariable } of args) {
      if (value !== undefined && isVariable) this.#variables.set(name, value);
      this.#args.push({ name, value });
    }
    const texts = args.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`));
    this.#history.note(['ARG', ...texts].join(' '));
  }

  isDeclared(name: string): boolean {
    return this.#args.some((arg) => arg.name === name);
  }

  label(pairs: readonly Readonly<{ key: string; value: string }>[]): void {
    this.addLabels(pairs.map(({ key, value }) => [key, value]));
    this.#history.note(['LABEL', ...pairs.map(({ key, value }) => `${key}=${value}`)].join(' '));
  }

  /** Labels that come with the build, and leave no trace in the history. */
  addLabels(labels: Iterable<readonly [string, string]>): void {
    for (const [name, value] of labels) {
      this.#labels ??= new Map();
      this.#labels.set(name, value);
    }
  }

  command(args: readonly string[]): void {
    this.#config.Cmd = args;
    this.#config.ArgsEscaped = true;
    this.#hasOwnCommand = true;
    this.#history.note(`CMD ${quotedList(args)}`);
  }

  /** A command that came with the base was meant for the base's entry point. */
  entrypoint(args: readonly string[]): void {
    this.#config.Entrypoint = args;
    if (!this.#hasOwnCommand) delete this.#config.Cmd;
    this.#history.note(`ENTRYPOINT ${quotedList(args)}`);
  }

  /** @param ports `80/tcp` each. */
  expose(ports: readonly string[]): void {
    const added = Object.fromEntries(ports.map((port) => [port, {}]));
    this.#config.ExposedPorts = { ...this.#config.ExposedPorts, ...added };
    this.#history.note(`EXPOSE ${plainList(ports)}`);
  }

  volume(paths: readonly string[]): void {
    const added = Object.fromEntries(paths.map((path) => [path, {}]));
    this.#config.Volumes = { ...this.#config.Volumes, ...added };
    this.#history.note(`VOLUME ${plainList(paths)}`);
  }

  setUser(user: string): void {
    this.#config.User = user;
    this.#history.note(`USER ${user}`);
  }

  healthcheck(check: Healthcheck): void {
    this.#config.Healthcheck = check;
    this.#history.note(healthcheckText(check));
  }

  setShell(args: readonly string[]): void {
    this.#config.Shell = args;
    this.#history.note(`SHELL ${plainList(args)}`);
  }

  stopSignal(signal: string): void {
    this.#config.StopSignal = signal;
    this.#history.note(`STOPSIGNAL ${signal}`);
  }

  maintainer(text: string): void {
    this.#author = text;
    this.#history.note(`MAINTAINER ${text}`);
  }

  /** Leaves no trace in the history. */
  onbuild(trigger: string): void {
    this.#config.OnBuild = [...(this.#config.OnBuild ?? []), trigger];
  }

  // Instructions with a layer

  setWorkdir(path: string): void {
    this.#config.WorkingDir = path;
  }

  noteWithoutLayer(createdBy: string): void {
    this.#history.note(createdBy);
  }

  /** @param created when the layer was made. */
  addLayer(layer: Layer, createdBy: string, created: string): void {
    this.#layers.push(layer);
    this.#history.add(createdBy, created);
  }

  /** One layer takes the place of all that are not the base's. */
  squash(base: readonly Layer[], layer: Layer, created: string): void {
    this.#layers = [...base, layer];
    this.#history.squash(created);
  }

  /** How history tells of a RUN: with the ARGs that were declared. */
  runText(args: readonly string[]): string {
    const values = new Map(
      this.#args.map(({ name, value }) => [name, this.#variables.get(name) ?? value ?? ''] as const),
    );
    const texts = [...values].map(([name, value]) => `${name}=${value}`);
    const declared = texts.length > 0 ? [`|${texts.length}`, ...texts] : [];
    return `RUN ${[...declared, ...args].join(' ')} # buildkit`;
  }

  /**
   * The image's configuration. Entries without a layer get the time of the layer before them, or after.
   * @param epoch instead of all times of this build.
   */
  finish({ epoch, layers = this.#layers }: { epoch?: string; layers?: readonly Layer[] } = {}): ImageConfig {
    const history = this.#history.entries(epoch);
    const {
      created: baseCreated,
      author: _author,
      config: _config,
      rootfs: _rootfs,
      history: _history,
      ...rest
    } = this.#base;
    const created = epoch ?? history.at(-1)?.created ?? baseCreated ?? new Date(0).toISOString();
    return {
      created,
      ...(this.#author !== undefined && { author: this.#author }),
      ...rest,
      config: {
        ...this.#config,
        Env: this.#environment.lines(),
        ...(this.#labels && { Labels: Object.fromEntries(this.#labels) }),
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffID }) => diffID) },
      history,
    };
  }
}
