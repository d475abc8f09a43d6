import type { Descriptor, Digest } from '../../oci/index.js';
import type { MountPoint } from '../volumes/index.js';
import type { ContainerConfig, HostConfig, NetworkingConfig } from './configuration.js';
import type { Health } from './health.js';

/** Docker's words. */
export type ContainerStatus =
  | 'created'
  | 'running'
  | 'paused'
  | 'restarting'
  | 'exited'
  | 'removing'
  | 'dead';

/** What changes in the life of a container. Times as of RFC 3339; absent ones have not come yet. */
export type ContainerState = Readonly<{
  status: ContainerStatus;
  /** Of its first process, on this machine; 0 when there is none. */
  pid: number;
  /** 0 to 255; what came last. */
  exitCode: number;
  /** Why it could not be started, or what went wrong since. */
  error: string;
  oomKilled: boolean;
  startedAt?: string;
  finishedAt?: string;
  /** How often its restart policy has started it since a person did. */
  restartCount: number;
  /** A person stopped it: its restart policy rests. */
  isStopped: boolean;
  /** How long was waited before the last of those starts. */
  backoffMs?: number;
  /** When it is to be started again at the latest, if its restart policy says so. RFC 3339. */
  restartDueAt?: string;
  /** While it is being removed: its anonymous volumes go too. */
  removesVolumes?: boolean;
  /** It is paused, or about to be, for as long as this process is at something: see processIdentity. */
  pausedFor?: string | undefined;
  /** Which process watches over it: see processIdentity. */
  monitor?: string;
  /** Of its last run; absent where nobody checks it. */
  health?: Health | undefined;
}>;

export type ContainerRecord = Readonly<{
  id: string;
  /** Without docker's slash. */
  name: string;
  /** RFC 3339. */
  createdAt: string;
  image: Readonly<{
    /** As it was asked for. */
    name: string;
    id: Digest;
    manifest: Descriptor;
    /** Of its layers: these snapshots stay. */
    chainIDs: readonly Digest[];
  }>;
  /** With what the image says. */
  config: ContainerConfig;
  hostConfig: HostConfig;
  networkingConfig: NetworkingConfig;
  mounts: readonly MountPoint[];
  /** Whose subordinate ids those in it are, `USER[:GROUP]`; the machine's own if nobody's. */
  idsOf?: string;
  state: ContainerState;
}>;

export const NEW_STATE: ContainerState = {
  status: 'created',
  pid: 0,
  exitCode: 0,
  error: '',
  oomKilled: false,
  restartCount: 0,
  isStopped: false,
};

/**
 * In place of one whose row in the database is damaged: enough to tell of it, and to remove it with what it has.
 * @param state as it is stored: a removal that has begun goes on.
 */
export function damagedRecord(reason: string, state: string): Omit<ContainerRecord, 'id' | 'name'> {
  return {
    createdAt: new Date(0).toISOString(),
    image: {
      name: '',
      id: '' as Digest,
      manifest: { mediaType: '', digest: '' as Digest, size: 0 },
      chainIDs: [],
    },
    config: {},
    hostConfig: {},
    networkingConfig: {},
    mounts: [],
    state: {
      ...NEW_STATE,
      status: state.includes('"status":"removing"') ? 'removing' : 'dead',
      error: `what is stored of it is damaged: ${reason}`,
    },
  };
}

/** Shown by `docker ps` without -a: it has processes, or is about to have them again. */
export function isActive(status: string): boolean {
  return ['running', 'paused', 'restarting'].includes(status);
}

/** Whether it has processes. */
export function isAlive({ state }: ContainerRecord): boolean {
  return state.status === 'running' || state.status === 'paused';
}
