import { InvalidContainerError } from '../errors.js';
import { type ContainerOptions, hasCgroupNamespace, type NamespacePath, type Surroundings } from '../spec.js';
import type { HostConfig } from './configuration.js';
import type { ContainerRecord } from './container-record.js';

/** A container that runs, by what a person calls it. @throws {ContainerStateError} it does not. */
export type FindRunning = (text: string) => Promise<ContainerRecord>;

const TYPES = ['pid', 'ipc', 'uts'] as const;
type Type = (typeof TYPES)[number];

/** Modes of a namespace that is the container's own. */
const OWN: Readonly<Record<Type, readonly string[]>> = {
  pid: ['', 'private'],
  ipc: ['', 'private', 'shareable', 'none'],
  uts: ['', 'private'],
};

type Modes = Pick<HostConfig, 'NetworkMode' | 'PidMode' | 'IpcMode' | 'UTSMode' | 'CgroupnsMode'>;

/** In docker's words, also where nobody has said it. */
export function cgroupNamespaceOf(
  { CgroupnsMode }: Pick<HostConfig, 'CgroupnsMode'>,
  surroundings: Pick<Surroundings, 'cgroups'>,
): 'private' | 'host' {
  const isPrivate = CgroupnsMode ? CgroupnsMode === 'private' : hasCgroupNamespace(surroundings);
  return isPrivate ? 'private' : 'host';
}

/** Namespaces of the machine or of other containers that this one is to be in. */
export async function sharedNamespaces(
  { hostConfig }: ContainerRecord,
  findRunning: FindRunning,
): Promise<NonNullable<ContainerOptions['shared']>> {
  const { PidMode = '', IpcMode = '', UTSMode = '' } = hostConfig;
  const [pid, ipc] = await Promise.all([
    sharedNamespace('pid', PidMode, findRunning),
    sharedNamespace('ipc', IpcMode, findRunning),
  ]);
  const uts = UTSMode === 'host' ? UTSMode : undefined;
  return { ...(pid && { pid }), ...(ipc && { ipc }), ...(uts && { uts }) };
}

function sharedNamespace(
  type: 'pid' | 'ipc',
  mode: string,
  findRunning: FindRunning,
): 'host' | Promise<NamespacePath | undefined> {
  return mode === 'host' ? 'host' : containerNamespace(mode, type, findRunning);
}

/** @throws {InvalidContainerError} there is no such mode of a namespace. */
export function expectModes({ PidMode = '', IpcMode = '', UTSMode = '', CgroupnsMode = '' }: Modes): void {
  if (!['', 'private', 'host'].includes(CgroupnsMode))
    throw new InvalidContainerError(`invalid cgroup namespace mode: ${CgroupnsMode}`);
  const modes = { pid: PidMode, ipc: IpcMode, uts: UTSMode };
  for (const type of TYPES) {
    const mode = modes[type];
    if (mode === 'host' || OWN[type].includes(mode)) continue;
    if (type === 'uts' || namedContainer(mode) === undefined)
      throw new InvalidContainerError(`invalid ${type.toUpperCase()} mode: ${mode}`);
  }
}

/** Of `container:NAME`; nothing for other modes. */
async function containerNamespace(
  mode: string,
  type: 'net' | 'pid' | 'ipc',
  findRunning: FindRunning,
): Promise<NamespacePath | undefined> {
  const name = namedContainer(mode);
  if (name === undefined) return undefined;
  return { path: `/proc/${(await findRunning(name)).state.pid}/ns/${type}` };
}

/** The containers that this one is to share a namespace with. @throws {ContainerStateError} one does not run. */
export function sharingWith(
  { hostConfig }: ContainerRecord,
  findRunning: FindRunning,
): Promise<ContainerRecord[]> {
  return Promise.all(namedContainers(hostConfig).map(findRunning));
}

/** As a person calls them; each once. */
export function namedContainers({ NetworkMode = '', PidMode = '', IpcMode = '' }: Modes): string[] {
  const names = [NetworkMode, PidMode, IpcMode].flatMap((mode) => namedContainer(mode) ?? []);
  return [...new Set(names)];
}

/** Of `container:NAME`. */
export function namedContainer(mode: string): string | undefined {
  return /^container:(.+)$/.exec(mode)?.[1];
}
