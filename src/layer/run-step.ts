import type { Digest } from '../oci/index.js';

/** One layer of a root filesystem: what it is, and its uncompressed tar. */
export type StackLayer = Readonly<{
  diffID: Digest;
  /** The tar from its beginning; may be called several times. */
  open(): AsyncIterable<Uint8Array>;
  /** Where the uncompressed tar lies as a file, when it does. */
  path?: string;
}>;

/** The layers of a root filesystem, base first. `[]` is an empty one. */
export type LayerStack = readonly StackLayer[];

/** A directory or file of this machine, or `path` (without leading slash, '' is all) inside a stack. */
export type MountSource = Readonly<{ hostPath: string }> | Readonly<{ stack: LayerStack; path: string }>;

/** Who owns what a mount creates, as numbers inside the container; `mode` without type bits. */
export type MountOwner = Readonly<{ mode: number; uid: number; gid: number }>;

/** What a command sees beside its root filesystem. Targets are absolute and clean; missing ones exist for the run only. */
export type RunMount =
  /** Writes to a bind that is not read-only go nowhere. */
  | Readonly<{ type: 'bind'; source: MountSource; target: string; readOnly: boolean }>
  /** A directory that stays. It is made, with this owner and a copy of `seed`, when it does not exist. */
  | Readonly<{
      type: 'cache';
      directory: string;
      owner: MountOwner;
      seed?: MountSource;
      target: string;
      readOnly: boolean;
    }>
  | Readonly<{ type: 'tmpfs'; target: string; sizeBytes?: number }>
  /** A file that is in memory only. Read-only. */
  | Readonly<{ type: 'file'; content: Uint8Array; owner: MountOwner; target: string; secret: boolean }>
  /** A socket of this machine, an ssh agent's. */
  | Readonly<{ type: 'socket'; hostPath: string; owner: MountOwner; target: string }>;

/** `name` as in `ulimit`, lower case: `nofile`. -1 is no limit. */
export type Ulimit = Readonly<{ name: string; soft: number; hard: number }>;

/** Devices that a command asks for, by names of the Container Device Interface: `vendor.com/class=name`. */
export type RunDevices = Readonly<{
  /** At least one. What is not there is an error only if it is `required`. */
  wanted: readonly Readonly<{ name: string; required: boolean }>[];
  /** Names and kinds that the command may have. */
  allowed: 'all' | readonly string[];
  /** Where files describe them; the usual places when there is none. */
  directories: readonly string[];
}>;

/** One command in a container on top of `stack`. */
export type RunStep = Readonly<{
  /** What people know the step as, for messages: `build 2/4`. */
  name: string;
  stack: LayerStack;
  args: readonly string[];
  /** `NAME=value`, complete but for HOME. May hold secrets: never log it. */
  env: readonly string[];
  /** Absolute; made when it does not exist. */
  cwd: string;
  /** `user[:group]`, names or numbers, looked up in the root filesystem; '' is root. */
  user: string;
  network: 'default' | 'none' | 'host';
  security: 'sandbox' | 'insecure';
  mounts: readonly RunMount[];
  hostname: string;
  /** `name:address` each. */
  addHosts: readonly string[];
  shmBytes?: number;
  ulimits: readonly Ulimit[];
  cgroupParent?: string;
  devices?: RunDevices;
  /** Keep what a failed command leaves, and answer with {@link FailedContainer}. */
  keepFailed: boolean;
  /** The command is held back while this works. */
  onOutput(stream: 'stdout' | 'stderr', chunk: Uint8Array): void | Promise<void>;
  signal: AbortSignal;
}>;

/** The finished uncompressed tar of what a command changed; whoever asked for it moves or removes it. */
export type RunLayer = Readonly<{ diffID: Digest; size: number; path: string }>;

/** `exitCode` 126 and 127 also for a command that cannot be started, 128 and a signal's number for one that was killed. */
export type RunOutcome =
  | Readonly<{ exitCode: 0; layer: RunLayer }>
  | Readonly<{ exitCode: number; layer?: undefined; failed?: FailedContainer }>;

/** A root filesystem as a failed command left it. */
export interface FailedContainer extends AsyncDisposable {
  /** An interactive shell in it, on this terminal. */
  shell(): Promise<void>;
}

/** Runs single commands that make layers. */
export interface StepRunner {
  /**
   * Runs to the end, and keeps the changes as a snapshot and as a layer when the command succeeds.
   * @throws when the container cannot be started; a command that fails is an answer.
   */
  run(step: RunStep): Promise<RunOutcome>;
}

/** Unpacked layers on disk, one directory for each prefix of a stack. */
export interface Snapshots {
  /** Unpacks what is not there yet. @returns one directory for each layer, in the stack's order. */
  ensure(stack: LayerStack, options?: { signal?: AbortSignal }): Promise<readonly string[]>;
}
