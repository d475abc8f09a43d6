import { InvalidContainerError } from '../errors.js';
import type { ContainerOptions, NamespacePath } from '../spec.js';
import type { ContainerRecord } from './container-record.js';

/** A container that runs, by what a person calls it. @throws {ContainerStateError} it does not. */
export type FindRunning = (text: string) => Promise<ContainerRecord>;

/** Namespaces of the machine or of other containers that this one is to be in. @throws {InvalidContainerError} */
export async function sharedNamespaces(
  { hostConfig }: ContainerRecord,
  findRunning: FindRunning,
): Promise<NonNullable<ContainerOptions['shared']>> {
  const { PidMode = '', IpcMode = '', UTSMode = '' } = hostConfig;
  const [pid, ipc, uts] = await Promise.all([
    sharedNamespace('pid', PidMode, ['', 'private'], findRunning),
    sharedNamespace('ipc', IpcMode, ['', 'private', 'shareable', 'none'], findRunning),
    sharedNamespace('uts', UTSMode, ['', 'private'], findRunning),
  ]);
  return { ...(pid && { pid }), ...(ipc && { ipc }), ...(uts && { uts }) };
}

async function sharedNamespace(
  type: 'pid' | 'ipc' | 'uts',
  mode: string,
  own: readonly string[],
  findRunning: FindRunning,
): Promise<'host' | NamespacePath | undefined> {
  if (own.includes(mode)) return undefined;
  if (mode === 'host') return 'host';
  const path = type === 'uts' ? undefined : await containerNamespace(mode, type, findRunning);
  if (path === undefined) throw new InvalidContainerError(`invalid ${type.toUpperCase()} mode: ${mode}`);
  return path;
}

/** Of `container:NAME`; nothing for other modes. */
export async function containerNamespace(
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
  { hostConfig: { NetworkMode = '', PidMode = '', IpcMode = '' } }: ContainerRecord,
  findRunning: FindRunning,
): Promise<ContainerRecord[]> {
  const names = [NetworkMode, PidMode, IpcMode].flatMap((mode) => namedContainer(mode) ?? []);
  return Promise.all([...new Set(names)].map(findRunning));
}

function namedContainer(mode: string): string | undefined {
  return /^container:(.+)$/.exec(mode)?.[1];
}
