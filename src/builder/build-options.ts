import type { RunDevices, Ulimit } from '../layer/index.js';
import { formatPlatform, type Platform, parseReference, shortReference } from '../oci/index.js';
import type { BaseImage, PullPolicy } from './base-images.js';
import type { SourceTree } from './context/source-tree.js';
import type { Dockerfile } from './dockerfile/index.js';
import type { FileTimes } from './result/rewrite-times.js';
import type { OnFailed } from './steps/run.js';

/** What `--build-context name=…` stands for. */
export type NamedContext =
  | Readonly<{ kind: 'tree'; tree: SourceTree }>
  /** Another image, by a name as in FROM. */
  | Readonly<{ kind: 'image'; name: string }>
  | Readonly<{ kind: 'base'; resolve: (platform: Platform) => Promise<BaseImage> }>;

/** What is to be built, complete: nothing is read from the environment any more. */
export type BuildOptions = Readonly<{
  dockerfile: Dockerfile;
  context: SourceTree;
  /** By {@link contextName}, in lower case, or that and `::platform`. */
  contexts: ReadonlyMap<string, NamedContext>;
  target?: string;
  /** At least one. */
  platforms: readonly Platform[];
  buildPlatform: Platform;
  buildArgs: ReadonlyMap<string, string>;
  labels: ReadonlyMap<string, string>;
  /** Steps that are done again whatever the cache has: all of them, or those of some stages. */
  noCache: 'none' | 'all' | readonly string[];
  pull: PullPolicy;
  /** SOURCE_DATE_EPOCH in seconds: the time of everything that the build dates. */
  epoch?: number;
  /** Other times for the files of new layers. */
  fileTimes?: FileTimes;
  /** One layer for all that the build adds. */
  squash: boolean;
  network: 'default' | 'none' | 'host';
  /** Whether `RUN --security=insecure` may be. */
  allowInsecure: boolean;
  addHosts: readonly string[];
  shmBytes?: number;
  ulimits: readonly Ulimit[];
  cgroupParent?: string;
  /** Which devices `RUN --device` may have, and where those are described. */
  devices: Omit<RunDevices, 'wanted'>;
  /** Given a shell in what a failed command left. */
  onFailed?: OnFailed;
}>;

/** What takes the place of an image, or of a stage, on a platform. */
export function findContext(
  contexts: BuildOptions['contexts'],
  name: string,
  platform: Platform,
): NamedContext | undefined {
  const key = contextName(name.toLowerCase());
  return contexts.get(`${key}::${formatPlatform(platform)}`) ?? contexts.get(key);
}

/** What a named context is known by: of names of images, the short form without `:latest`. */
export function contextName(name: string): string {
  try {
    return shortReference(parseReference(name)).replace(/:latest$/, '');
  } catch {
    return name;
  }
}
