import type { BuildOptions, CacheRecord, Progress, PruneOptions } from '../builder/index.js';
import type { CredentialSource, RegistryClient } from '../client/index.js';
import type { LocalStore } from '../image/index.js';
import type { Digest } from '../oci/index.js';
import type { Care, ContainerHost, ContainerRecord, ContainerState } from '../runtime/container/index.js';
import type { Attachments } from './containers/attachments.js';
import type { Execs } from './containers/execs.js';
import type { EventBus } from './events/event-bus.js';

/** Fields and a short fixed message. */
export interface EngineLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A build, as `POST /build` asks for it. */
export type BuildRequest = Readonly<{
  /** The context as a tar, compressed or not; or a Dockerfile alone. */
  body: AsyncIterable<Uint8Array>;
  /** In place of the body: an address of git, or of a tar or a Dockerfile. */
  remote: string | undefined;
  /** Path in the context. */
  dockerfile: string | undefined;
  /** Whole names, with tags. */
  names: readonly string[];
  /** Without a value: that of the builder's environment does not count, so nothing. */
  buildArgs: ReadonlyMap<string, string>;
  labels: ReadonlyMap<string, string>;
  target: string | undefined;
  /** As people write it; `undefined` is this machine's. */
  platform: string | undefined;
  noCache: boolean;
  pull: boolean;
  squash: boolean;
  network: BuildOptions['network'];
  /** `name:address` each. */
  addHosts: readonly string[];
  shmBytes: number | undefined;
  ulimits: BuildOptions['ulimits'];
  cgroupParent: string | undefined;
  /** Names of images that have a cache. */
  cacheFrom: readonly string[];
  credentials: CredentialSource;
  progress: Progress;
  signal: AbortSignal;
}>;

/** What builds: given by who wires the parts, as it takes from registries and runs containers. */
export interface EngineBuilder {
  /** @returns the id of the image, which has its names then. */
  build(request: BuildRequest): Promise<Digest>;
  /** What the cache of builds holds. */
  cache(): readonly CacheRecord[];
  /** @returns ids of what was removed. */
  pruneCache(options: PruneOptions): Promise<Readonly<{ ids: readonly string[]; reclaimedBytes: number }>>;
}

/** The containers of this machine: given by who wires the parts, as they are made of images. */
export interface EngineContainers {
  /** For all requests: opening it for each would take longer than most of them do. */
  host: ContainerHost;
  /** Sees to what comes after the end of one that was started. */
  attend(id: string, care: Care): void;
  /** As lists say it: `Up 5 minutes`. @param now in milliseconds. */
  statusText(state: ContainerState, now: number): string;
  /** @param filters `key=value` each. */
  choose(records: readonly ContainerRecord[], filters: readonly string[]): readonly ContainerRecord[];
}

/** What the engine tells of itself. */
export type EngineIdentity = Readonly<{
  /** Of the program. */
  version: string;
  /** Where images are. */
  root: string;
  /** Registries that may have any certificate, or none. */
  insecureRegistries: readonly string[];
  /** Containers have ids of their own, unless they say otherwise. */
  isRemapped: boolean;
  /** An ordinary user has it, whose containers are in a user namespace. */
  isRootless: boolean;
}>;

/** What answers about this machine need: the engine's, and those of `berth info` and `berth system df`. */
export type EngineParts = Readonly<{
  identity: EngineIdentity;
  /** For one request, which closes it: what it has found stays until then, and nothing that others remove. */
  openStore: () => LocalStore;
  builder: Pick<EngineBuilder, 'cache'>;
  containers: Omit<EngineContainers, 'attend'>;
}>;

/** Everything that requests are answered with. */
export type Engine = Readonly<{
  identity: EngineIdentity;
  /** For one request, which closes it: what it has found stays until then, and nothing that others remove. */
  openStore: () => LocalStore;
  /** For one request, which disposes of it. */
  openClient: (credentials: CredentialSource, signal: AbortSignal) => Promise<RegistryClient>;
  builder: EngineBuilder;
  containers: EngineContainers;
  attachments: Attachments;
  execs: Execs;
  events: EventBus;
  log: EngineLog;
}>;
