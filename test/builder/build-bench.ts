import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type BuildOptions,
  type BuiltImage,
  build,
  CacheDatabase,
  DirectoryTree,
  IgnoreRules,
  Layers,
  MountDirectories,
  parseDockerfile,
  resultFiles,
  StatCache,
  StepCache,
  type StepProgress,
} from '../../src/builder/index.js';
import { ImageNotFoundError } from '../../src/content/index.js';
import { LocalStore } from '../../src/image/index.js';
import type { RunStep, StepRunner } from '../../src/layer/index.js';
import { type Entry, LayerWriter } from '../../src/layer/index.js';
import { parsePlatform } from '../../src/oci/index.js';

export type BenchImage = BuiltImage &
  Readonly<{ steps: readonly string[]; files: ReadonlyMap<string, BenchFile> }>;
export type BenchFile = Entry & Readonly<{ text: string }>;

type Files = Readonly<Record<string, string | Readonly<{ text: string; mode: number }>>>;

/** A store, a cache and a context on disk. RUN is pretended: `RUN path text…` writes a file. */
export class BuildBench implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'berth-builder-'));
  readonly context = join(this.root, 'context');
  readonly #store = LocalStore.open(join(this.root, 'store'));
  readonly #db = new CacheDatabase(join(this.root, 'cache.sqlite'));
  readonly #bases = new Map<string, BuiltImage>();
  /** Commands that really ran. */
  readonly ran: RunStep[] = [];
  /** What else happens while a command runs. */
  whileRunning = () => {};

  constructor(files: Files = {}) {
    mkdirSync(this.context);
    this.write(files);
  }

  write(files: Files): void {
    for (const [path, file] of Object.entries(files)) {
      const at = join(this.context, path);
      mkdirSync(dirname(at), { recursive: true });
      writeFileSync(at, typeof file === 'string' ? file : file.text);
      chmodSync(at, typeof file === 'string' ? 0o644 : file.mode);
    }
  }

  /** What was built before, by a name that FROM may use. */
  addBase(name: string, image: BuiltImage): void {
    this.#bases.set(name, image);
  }

  async build(text: string, options: Partial<BuildOptions> & { ignore?: string } = {}): Promise<BenchImage> {
    const steps: string[] = [];
    const cache = new StepCache(this.#db, this.#store);
    const layers = new Layers({ store: this.#store, cache, directory: join(this.root, 'indexes') });
    const stats = new StatCache(join(this.root, 'stats'));
    const ignore = options.ignore === undefined ? undefined : IgnoreRules.parse(options.ignore);
    const platform = parsePlatform('linux/amd64');
    const [image] = await build(
      {
        dockerfile: parseDockerfile(text),
        context: new DirectoryTree(this.context, { cache: stats, ...(ignore && { ignore }) }),
        contexts: new Map(),
        platforms: [platform],
        buildPlatform: platform,
        buildArgs: new Map(),
        labels: new Map(),
        noCache: 'none',
        pull: 'missing',
        squash: false,
        network: 'default',
        allowInsecure: false,
        devices: { allowed: [], directories: [] },
        addHosts: [],
        ulimits: [],
        ...options,
      },
      {
        layers,
        cache,
        directories: new MountDirectories(this.#db, join(this.root, 'mounts')),
        bases: { resolve: async (name) => ({ origin: 'registry', ...(await this.#base(name)) }) },
        runner: this.#runner(layers),
        remote: { fetch: () => Promise.reject(new Error('offline')) },
        credentials: { secret: async (id) => Buffer.from(`secret ${id}`), ssh: async () => undefined },
        progress: { begin: (name) => noting(name, steps), warn: () => {} },
        signal: new AbortController().signal,
      },
    );
    stats.save();
    if (image === undefined) throw new Error('nothing was built');
    const files = new Map<string, BenchFile>();
    for (const { entry, chunks } of resultFiles(await layers.view(image.layers))) {
      const content = Buffer.concat([...chunks].map((chunk) => Buffer.from(chunk)));
      files.set(entry.path, { ...entry, text: content.toString() });
    }
    await layers.close();
    return { ...image, steps, files };
  }

  /** Layers that nobody needs any more are gone, as after `builder prune`. */
  dropLayers(): void {
    this.#store.holds.remove('build-cache');
    this.#store.prune();
  }

  [Symbol.dispose](): void {
    this.#db.close();
    this.#store.close();
    rmSync(this.root, { recursive: true });
  }

  #base(name: string) {
    const image = this.#bases.get(name);
    if (image === undefined) throw new ImageNotFoundError(name);
    const layers = image.layers.map(({ descriptor }) => descriptor);
    const [first] = layers;
    return { name, digest: first?.digest ?? ('sha256:' as never), config: image.config, layers };
  }

  #runner(layers: Layers): StepRunner {
    return {
      run: async (step) => {
        this.ran.push(step);
        this.whileRunning();
        const [path = '', ...words] = (step.args.at(-1) ?? '').split(' ');
        if (path === 'fail') {
          step.onOutput('stderr', Buffer.from('no such thing\n'));
          return { exitCode: 3 };
        }
        const writer = LayerWriter.create(layers.temporaryPath());
        const content = Buffer.from(words.join(' '));
        writer.add(
          { path, type: 'file', mode: 0o644, uid: 0, gid: 0, size: content.length, mtime: 7 },
          content,
        );
        return { exitCode: 0, layer: { ...(await writer.finish()), path: writer.path } };
      },
    };
  }
}

/** `+` before what was made, `=` before what was in the cache. Only steps with a layer. */
function noting(name: string, steps: string[]): StepProgress {
  const note = (mark: string) => {
    const text = name.replace(/^\[[^\]]*\] /, '');
    if (!text.startsWith('FROM')) steps.push(`${mark}${text}`);
  };
  return {
    output: () => {},
    status: () => {},
    transfer: () => {},
    cached: () => note('='),
    done: () => note('+'),
    failed: () => note('!'),
  };
}
