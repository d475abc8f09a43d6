import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import {
  DirectoryTree,
  IgnoreRules,
  isFetchedContext,
  type Material,
  MemoryTree,
  readTextFile,
  type SourceTree,
  StatCache,
} from '../builder/index.js';
import type { Fetching } from './build-fetching.js';
import { UsageError } from './failure.js';
import { standardInput } from './standard-input.js';

/** What is built: the text of the Dockerfile, and the files that COPY may take. */
export type BuildInput = Readonly<{
  dockerfile: DockerfileText;
  context: SourceTree;
  ignore?: IgnoreRules;
  /** What the context is, when it was fetched. */
  material?: Material;
  /** The context, when it is one of this machine. */
  directory?: string;
}>;
/** `name` for messages, `path` below the context. */
type DockerfileText = Readonly<{ text: string; name: string; path: string }>;

type Parts = Readonly<{
  /** Where digests of files are remembered. */
  cacheDirectory: string;
  /** Whether git contexts keep their history. */
  keepGitDirectory: boolean;
  fetching: Fetching;
  warn: (message: string) => void;
  /** What `-` reads; standard input if not said otherwise. */
  stdin?: AsyncIterable<Uint8Array>;
  signal: AbortSignal;
}>;

const DOCKERFILES = ['Dockerfile', 'dockerfile', 'Containerfile'];

/** Contexts, and what has to be kept or removed at the end. */
export class ContextOpener implements Disposable {
  readonly #parts: Parts;
  readonly #caches: StatCache[] = [];
  readonly #cleanups: (() => void)[] = [];
  /** What named contexts were fetched. */
  readonly materials: Material[] = [];
  /** Contexts that are files of this machine: `context`, and names. */
  readonly locals: string[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @param context a directory, `-`, a URL of a tar or a git repository. @param file as `--file` has it. */
  async open(context: string, file: string | undefined): Promise<BuildInput> {
    if (!isFetched(context)) {
      this.locals.push('context', 'dockerfile');
      return { ...this.#openDirectory(context, file), directory: resolve(context) };
    }
    if (context === '-' && file === '-') {
      throw new UsageError('standard input is either the context or the Dockerfile');
    }
    const { directory, dockerfile, material } = await this.#fetch(context);
    if (material === undefined) this.locals.push('context');
    const fetched = material === undefined ? {} : { material };
    if (dockerfile === undefined)
      return { ...this.#openDirectory(directory, file, { isFetched: true }), ...fetched };
    const [name, path] = ['Dockerfile', 'Dockerfile'];
    return {
      dockerfile: { text: dockerfile, name, path },
      context: new MemoryTree('context', []),
      ...fetched,
    };
  }

  /** A named context: a directory, or something to be fetched. */
  async openTree(source: string, name: string): Promise<SourceTree> {
    const isLocal = !isFetched(source);
    const fetched = isLocal ? { directory: resolve(source) } : await this.#fetch(source);
    const { directory: root } = fetched;
    if ('material' in fetched && fetched.material !== undefined) this.materials.push(fetched.material);
    else this.locals.push(name);
    if (!isDirectory(root))
      throw new UsageError(`--build-context ${name}=${source}: there is no such directory`);
    const ignore = readIgnoreRules([join(root, '.dockerignore')], isLocal ? undefined : root);
    return this.#directoryTree(root, { name: `context ${name}`, ignore, isLocal });
  }

  /** Keeps what was found out about files, for the next build. */
  save(): void {
    for (const cache of this.#caches) cache.save();
  }

  [Symbol.dispose](): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }

  #openDirectory(
    directory: string,
    file: string | undefined,
    options: { isFetched?: boolean } = {},
  ): BuildInput {
    const root = resolve(directory);
    if (!isDirectory(root)) throw new UsageError(`the context ${directory} is not a directory`);
    const path = file === '-' ? undefined : findDockerfile(root, file, options);
    const isLocal = options.isFetched !== true;
    const enclosure = isLocal ? undefined : root;
    // What is in the context may be a stranger's too, and its links are not what was asked for; a file elsewhere is.
    const isInside = path !== undefined && isBelow(root, path);
    const text = readTextFile(path ?? 0, {
      any: isLocal && file !== undefined,
      ...((!isLocal || isInside) && { within: root }),
      ...(isLocal && { advice: 'name the file itself with -f' }),
    });
    const ignore = readIgnoreRules(ignoreFiles(root, path), enclosure);
    const context = this.#directoryTree(root, { name: 'context', ignore, isLocal });
    const within = pathWithin(root, path);
    const name = isLocal ? shownName(path) : within;
    return { dockerfile: { text, name, path: within }, context, ...(ignore && { ignore }) };
  }

  async #fetch(source: string) {
    const { openContext } = await import('../builder/sources/index.js');
    const { fetching, keepGitDirectory, stdin, signal } = this.#parts;
    const opened = await openContext(source, {
      ...(await fetching.options()),
      stdin: stdin ?? standardInput(signal),
      ...(keepGitDirectory && { keepGitDirectory }),
      signal,
    });
    this.#cleanups.push(opened.cleanup);
    return opened;
  }

  #directoryTree(
    root: string,
    { name, ignore, isLocal }: Readonly<{ name: string; ignore: IgnoreRules | undefined; isLocal: boolean }>,
  ): DirectoryTree {
    const { cacheDirectory, warn } = this.#parts;
    const cache = new StatCache(
      join(cacheDirectory, createHash('sha256').update(root).digest('hex').slice(0, 32)),
    );
    if (isLocal) this.#caches.push(cache);
    return new DirectoryTree(root, {
      name,
      ...(isLocal && { cache }),
      ...(ignore && { ignore }),
      onSkipped: (path) => warn(`${path} is a socket, which no image can hold: it is left out`),
    });
  }
}

/** What is here is not fetched, whatever it is called. */
function isFetched(source: string): boolean {
  return source === '-' || (!existsSync(source) && isFetchedContext(source));
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** `-f` is relative to where the command runs, as docker has it, else to the context. */
function findDockerfile(root: string, file: string | undefined, options: { isFetched?: boolean }): string {
  const inContext = (file === undefined ? DOCKERFILES : [file]).map((name) => join(root, name));
  const candidates =
    file === undefined || options.isFetched === true ? inContext : [resolve(file), ...inContext];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new UsageError(
    file === undefined
      ? `there is no Dockerfile in ${root}; name another one with --file`
      : `there is no file ${file}, neither here nor in the context`,
  );
}

function shownName(path: string | undefined): string {
  if (path === undefined) return 'Dockerfile';
  const short = relative(process.cwd(), path);
  return short === '' || !isBelow(process.cwd(), path) ? path : short;
}

/** Where the Dockerfile is in the context; its name, if it is elsewhere. */
function pathWithin(root: string, path: string | undefined): string {
  if (path === undefined) return 'Dockerfile';
  return isBelow(root, path) ? relative(root, path) : basename(path);
}

/** By its name alone; one that begins with two points may be below. */
function isBelow(root: string, path: string): boolean {
  return relative(root, path).split(sep, 1)[0] !== '..';
}

/** `<dockerfile>.dockerignore` wins over `.dockerignore`. */
function ignoreFiles(root: string, dockerfile: string | undefined): string[] {
  const own =
    dockerfile === undefined
      ? []
      : [`${dockerfile}.dockerignore`, join(root, `${basename(dockerfile)}.dockerignore`)];
  return [...own, join(root, '.dockerignore')];
}

/** @param within a directory that strangers wrote. */
function readIgnoreRules(candidates: readonly string[], within: string | undefined): IgnoreRules | undefined {
  const path = candidates.find((candidate) => existsSync(candidate));
  const options = within === undefined ? {} : { within };
  const rules =
    path === undefined ? undefined : IgnoreRules.parse(readTextFile(path, options), shownName(path));
  return rules?.isEmpty === false ? rules : undefined;
}
