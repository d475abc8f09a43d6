import type { Healthcheck } from '../../oci/index.js';
import type { Location } from './location.js';

/**
 * What all instructions have. Words are as they stand in the file: quotes, escapes and variables are still in them,
 * see expand.ts for what takes them out and which instructions want that.
 */
type Common = Readonly<{
  /** Upper case: `COPY`. */
  original: string;
  /** As it is written: `Copy`. */
  keyword: string;
  location: Location;
  /** The logical line: continuations joined, comments gone, without bodies of heredocs. */
  source: string;
  /** Comment lines right above, without `#` and blanks around, first to last. */
  comments: readonly string[];
  /** Names of flags in use, for hints: `['from', 'chown']`. */
  flags: readonly string[];
}>;

/** A document inside the file. `content` ends with a line feed unless it is empty. */
export type Heredoc = Readonly<{
  name: string;
  /** Whether variables in it are to be expanded: its word had no quotes. */
  expand: boolean;
  /** `<<-`: leading tabs of each line do not count. {@link content} has them still, see {@link heredocText}. */
  stripTabs: boolean;
  fileDescriptor: number;
  content: string;
}>;

/** `script`: the shell form that is nothing but one heredoc. */
export type Command =
  | Readonly<{ form: 'exec'; arguments: readonly string[] }>
  | Readonly<{ form: 'shell'; text: string; heredocs: readonly Heredoc[] }>
  | Readonly<{ form: 'script'; heredoc: Heredoc }>;

export type KeyValue = Readonly<{ key: string; value: string }>;

/** A name, perhaps with a default, and what the comment above says of it. */
export type ArgDeclaration = Readonly<{
  name: string;
  value?: string;
  comment?: string;
}>;

export type CopySource =
  | Readonly<{ type: 'path'; path: string }>
  | Readonly<{ type: 'heredoc'; heredoc: Heredoc }>;

export type FromInstruction = Common &
  Readonly<{
    kind: 'from';
    /** Image, stage or `scratch`, variables still in it. */
    base: string;
    /** Lower case. */
    name?: string;
    /** As it is written. */
    writtenName?: string;
    /** The word `as` as it is written. */
    asKeyword?: string;
    platform?: string;
    comment?: string;
  }>;

export type ArgInstruction = Common & Readonly<{ kind: 'arg'; args: readonly ArgDeclaration[] }>;
/** `legacy`: `ENV name value`. */
export type EnvInstruction = Common & Readonly<{ kind: 'env'; pairs: readonly KeyValue[]; legacy: boolean }>;
export type LabelInstruction = Common &
  Readonly<{ kind: 'label'; pairs: readonly KeyValue[]; legacy: boolean }>;

export type Device = Readonly<{ name: string; required: boolean }>;

export type RunInstruction = Common &
  Readonly<{
    kind: 'run';
    command: Command;
    /** Values of `--mount`, see mounts.ts. */
    mounts: readonly string[];
    network: 'default' | 'none' | 'host';
    security: 'sandbox' | 'insecure';
    devices: readonly Device[];
  }>;

type Placement = Readonly<{
  sources: readonly CopySource[];
  destination: string;
  chown?: string;
  chmod?: string;
  link: boolean;
  exclude: readonly string[];
}>;

export type CopyInstruction = Common &
  Placement &
  Readonly<{ kind: 'copy'; from?: string; parents: boolean }>;

export type AddInstruction = Common &
  Placement &
  Readonly<{ kind: 'add'; checksum?: string; keepGitDir?: boolean; unpack?: boolean }>;

export type CmdInstruction = Common & Readonly<{ kind: 'cmd'; command: Command }>;
export type EntrypointInstruction = Common & Readonly<{ kind: 'entrypoint'; command: Command }>;
export type ShellInstruction = Common & Readonly<{ kind: 'shell'; arguments: readonly string[] }>;
export type WorkdirInstruction = Common & Readonly<{ kind: 'workdir'; path: string }>;
export type UserInstruction = Common & Readonly<{ kind: 'user'; user: string }>;
export type ExposeInstruction = Common & Readonly<{ kind: 'expose'; ports: readonly string[] }>;
export type VolumeInstruction = Common & Readonly<{ kind: 'volume'; paths: readonly string[] }>;
export type StopsignalInstruction = Common & Readonly<{ kind: 'stopsignal'; signal: string }>;
export type MaintainerInstruction = Common & Readonly<{ kind: 'maintainer'; maintainer: string }>;
export type HealthcheckInstruction = Common &
  Readonly<{ kind: 'healthcheck'; healthcheck: Healthcheck; form: 'none' | 'exec' | 'shell' }>;
/** `text` is what the image config gets: parseTrigger reads it again. `inner` is the same, parsed. */
export type OnbuildInstruction = Common & Readonly<{ kind: 'onbuild'; text: string; inner: Instruction }>;

/** All that may stand in a stage. */
export type Instruction =
  | AddInstruction
  | ArgInstruction
  | CmdInstruction
  | CopyInstruction
  | EntrypointInstruction
  | EnvInstruction
  | ExposeInstruction
  | HealthcheckInstruction
  | LabelInstruction
  | MaintainerInstruction
  | OnbuildInstruction
  | RunInstruction
  | ShellInstruction
  | StopsignalInstruction
  | UserInstruction
  | VolumeInstruction
  | WorkdirInstruction;

export type AnyInstruction = Instruction | FromInstruction;
