import { chownSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { InvalidContainerError, RuntimeUnavailableError } from '../errors.js';
import { HeldNamespaces } from '../held-namespaces.js';
import { isKernelAtLeast } from '../kernel-version.js';
import { type IDMap, type IDRange, idOutside, subordinateIDs } from '../subordinate-ids.js';
import type { ProcessUser } from '../users.js';
import type { HostConfig } from './configuration.js';
import type { ContainerRecord } from './container-record.js';
import { type FindRunning, sharingWith } from './namespaces.js';

/** What decides whose ids containers get that do not say so themselves. */
export type IDChoice = Readonly<{ isForMachine: boolean; idsOf: string | undefined }>;

/** Podman's name for whom the ids of containers belong to. */
const USUAL_OWNER = 'containers';
/** Since then an overlay takes directories that are shown with other ids. */
const NEEDED_LINUX = '5.19';

/**
 * Whose subordinate ids a new container is to have, by HostConfig.UsernsMode: `host`, `auto`, or '' for what is usual here.
 * @returns `USER[:GROUP]`; nothing for the machine's own.
 * @throws {InvalidContainerError} what else is asked for needs those. @throws {RuntimeUnavailableError} there are none, or the
 * kernel cannot.
 */
export function ownerOfIDs(
  hostConfig: HostConfig,
  { isForMachine, idsOf }: IDChoice,
  linux = release(),
  read?: (path: string) => string,
): string | undefined {
  const mode = hostConfig.UsernsMode ?? '';
  if (!['', 'host', 'auto'].includes(mode))
    throw new InvalidContainerError(`invalid user namespace mode: ${mode}; there are host and auto`);
  const owner = mode === 'auto' ? (idsOf ?? USUAL_OWNER) : idsOf;
  if (mode === 'host' || owner === undefined) return undefined;
  if (!isForMachine)
    throw new InvalidContainerError(
      'without root all containers are in one user namespace already: leave out --userns and BERTH_USERNS_REMAP',
    );
  expectOwnNamespaces(hostConfig);
  expectLinux(linux);
  subordinateIDs(owner, read);
  return owner;
}

/** As docker's daemon; whose namespace it is, may decide in it. */
function expectOwnNamespaces({ Privileged, NetworkMode, PidMode, IpcMode }: HostConfig): void {
  if (Privileged === true)
    throw new InvalidContainerError(
      'privileged mode is incompatible with user namespaces. You must run the container in the host namespace ' +
        'when running privileged mode: --userns host',
    );
  const modes = { network: NetworkMode, PID: PidMode, IPC: IpcMode };
  const shared = Object.entries(modes).find(([, mode]) => mode === 'host');
  if (shared !== undefined)
    throw new InvalidContainerError(
      `cannot share the host's ${shared[0]} namespace when user namespaces are enabled: --userns host does without`,
    );
}

function expectLinux(version: string): void {
  if (isKernelAtLeast(NEEDED_LINUX, version)) return;
  throw new RuntimeUnavailableError(
    `containers with ids of their own need Linux ${NEEDED_LINUX}, this is ${version}: --userns host does without`,
  );
}

/** The user namespace that a container is about to enter, and what else is to be of it. Dispose of it once that is created. */
export class OwnIDs implements Disposable {
  readonly map: IDMap;
  readonly userNamespace: string;
  /** A process in a network namespace that belongs to it. */
  readonly networkPid: number;
  /** A user namespace for mounts: files of an id in the container are shown to be of the machine's id for that. */
  readonly mountNamespace: string;
  readonly #held: DisposableStack;

  /**
   * @returns nothing for a container that has the machine's ids.
   * @throws {InvalidContainerError} it is to share namespaces of a container that has others.
   * @throws {RuntimeUnavailableError} it cannot have them any more.
   */
  static async open(record: ContainerRecord, findRunning: FindRunning): Promise<OwnIDs | undefined> {
    if (record.idsOf === undefined) return undefined;
    const others = await sharingWith(record, findRunning);
    using held = new DisposableStack();
    const shared = sharedPid(record, others);
    const map = shared === undefined ? subordinateIDs(record.idsOf) : idsOfProcess(shared);
    const rows = { uids: rowsOf(map.uids), gids: rowsOf(map.gids) };
    const namespaces =
      shared === undefined
        ? await HeldNamespaces.withUsers(rows, { network: true })
        : await HeldNamespaces.withNetwork(`/proc/${shared}/ns/user`);
    held.use(namespaces);
    const mounts = await HeldNamespaces.withUsers({ uids: shownRows(map.uids), gids: shownRows(map.gids) });
    held.use(mounts);
    return new OwnIDs(map, namespaces, mounts, held.move());
  }

  private constructor(map: IDMap, namespaces: HeldNamespaces, mounts: HeldNamespaces, held: DisposableStack) {
    this.map = map;
    this.userNamespace = namespaces.path('user');
    this.networkPid = namespaces.pid;
    this.mountNamespace = mounts.path('user');
    this.#held = held;
  }

  /** Lets a process open its own streams once more, as `/dev/stdout`: they are the monitor's, whose ids it does not know. */
  giveStreams(pid: number, { uid, gid }: Pick<ProcessUser, 'uid' | 'gid'>): void {
    for (const fd of [0, 1, 2]) {
      const path = `/proc/${pid}/fd/${fd}`;
      if (statSync(path).isFIFO())
        chownSync(path, idOutside(this.map.uids, uid), idOutside(this.map.gids, gid));
    }
  }

  [Symbol.dispose](): void {
    this.#held.dispose();
  }
}

/** The ids of a container that runs. */
export function idsOfProcess(pid: number): IDMap {
  return { uids: rangeOf(`/proc/${pid}/uid_map`), gids: rangeOf(`/proc/${pid}/gid_map`) };
}

function rangeOf(file: string): IDRange {
  const [, first = 0, count = 0] = readFileSync(file, 'utf8').trim().split(/\s+/).map(Number);
  return { first, count };
}

/** A namespace belongs to one user namespace: who shares it has to be in that. */
function sharedPid({ idsOf }: ContainerRecord, others: readonly ContainerRecord[]): number | undefined {
  const [first] = others;
  const link = ({ state }: ContainerRecord) => readlinkSync(`/proc/${state.pid}/ns/user`);
  const stranger = others.find((other) => other.idsOf !== idsOf || (first && link(other) !== link(first)));
  if (stranger !== undefined)
    throw new InvalidContainerError(
      `cannot share namespaces of the container ${stranger.name}, which is in another user namespace: ` +
        '--userns is to be the same for both, and of several containers all but one have to share those of the first',
    );
  return first?.state.pid;
}

function rowsOf({ first, count }: IDRange) {
  return [[0, first, count]] as const;
}

/** With an id beyond the container's for the machine's root, who makes files there too: without one it could not. */
function shownRows({ first, count }: IDRange) {
  return [
    [0, first, count],
    [count, 0, 1],
  ] as const;
}
