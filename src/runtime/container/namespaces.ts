import { InvalidContainerError } from '../errors.js';
import type { ContainerOptions, NamespacePath } from '../spec.js';
import type { HostConfig, NetworkingConfig } from './configuration.js';
import type { ContainerRecord } from './container-record.js';

/** A container that runs, by what a person calls it. @throws {ContainerStateError} it does not. */
export type FindRunning = (text: string) => Promise<ContainerRecord>;

/** The networks that there are; no name, or that of docker's usual one, is {@link networkOf}'s choice. */
const KNOWN = /^(?:|default|bridge|none|host|container:.+)$/;

/**
 * Bridges are not there yet: what needs one is refused, rather than ignored. @throws {InvalidContainerError}
 * @returns words for a person who may expect one.
 */
export function checkNetworks(
  hostConfig: HostConfig,
  { EndpointsConfig }: NetworkingConfig,
): string | undefined {
  const mode = hostConfig.NetworkMode ?? 'default';
  const others = [mode, ...Object.keys(EndpointsConfig ?? {})].filter((name) => !KNOWN.test(name));
  const endpoints = Object.values(EndpointsConfig ?? {});
  const needs = [
    ...others.map((name) => `the network ${name}`),
    ...(hasAny(hostConfig.PortBindings) || hostConfig.PublishAllPorts ? ['published ports'] : []),
    ...((hostConfig.Links ?? []).length > 0 ? ['links'] : []),
    ...(endpoints.some((one) => hasAny(one?.IPAMConfig) || one?.MacAddress) ? ['addresses of its own'] : []),
  ];
  if (needs.length > 0) {
    throw new InvalidContainerError(
      `a container cannot have ${needs.join(', ')} yet: there are --network host, none and container:NAME`,
    );
  }
  if (mode === 'host' || mode === 'none' || mode.startsWith('container:')) return undefined;
  return 'it has no network: there is no bridge yet; --network host gives it that of this machine';
}

/** Which network a container has that is connected to none of ours. */
export async function networkOf(
  { hostConfig }: ContainerRecord,
  findRunning: FindRunning,
): Promise<'host' | 'none' | NamespacePath> {
  const mode = hostConfig.NetworkMode ?? 'default';
  if (mode === 'host') return 'host';
  return (await ofContainer(mode, 'net', findRunning)) ?? 'none';
}

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
  const path = type === 'uts' ? undefined : await ofContainer(mode, type, findRunning);
  if (path === undefined) throw new InvalidContainerError(`invalid ${type.toUpperCase()} mode: ${mode}`);
  return path;
}

function hasAny(part: object | null | undefined): boolean {
  return part != null && Object.keys(part).length > 0;
}

async function ofContainer(
  mode: string,
  type: 'net' | 'pid' | 'ipc',
  findRunning: FindRunning,
): Promise<NamespacePath | undefined> {
  const name = /^container:(.+)$/.exec(mode)?.[1];
  if (name === undefined) return undefined;
  return { path: `/proc/${(await findRunning(name)).state.pid}/ns/${type}` };
}
