import { InvalidContainerError } from '../errors.js';
import { oomScoreOf, rlimitsOf, shmBytesOf, sysctlsOf } from '../limits/index.js';
import { checkHosts, parseLink } from '../networks/index.js';
import type { ContainerConfig, HostConfig } from './configuration.js';
import { expectModes, namedContainers } from './namespaces.js';

/** Of the programs that Berth takes, and docker's own name for one. */
const RUNTIMES = ['', 'runc', 'crun', 'io.containerd.runc.v2'];

/**
 * What is wrong with what is asked for and would only be found when the container is started: a name that is taken by a
 * container that can never run helps nobody.
 * @param find a container. @throws {ContainerNotFoundError} @throws {InvalidContainerError} @throws {InvalidLimitError}
 * @throws {InvalidNetworkError}
 */
export function checkEarly(
  config: ContainerConfig,
  hostConfig: HostConfig,
  find: (text: string) => unknown,
): void {
  const { WorkingDir = '' } = config;
  if (WorkingDir !== '' && !WorkingDir.startsWith('/'))
    throw new InvalidContainerError(
      `the working directory '${WorkingDir}' is invalid, it needs to be an absolute path`,
    );
  expectModes(hostConfig);
  for (const name of namedContainers(hostConfig)) find(name);
  for (const text of hostConfig.Links ?? []) find(parseLink(text).container);
  checkHosts({ dns: hostConfig.Dns ?? [], extraHosts: hostConfig.ExtraHosts ?? [] });
  checkConflicts(config, hostConfig);
  checkLimits(hostConfig);
  expectOrdinary(hostConfig);
  if (Object.keys(hostConfig.Annotations ?? {}).includes(''))
    throw new InvalidContainerError(
      'invalid Annotations: the empty string is not permitted as an annotation key',
    );
}

/** What a container cannot have of its own that it shares with another one. Docker's words. */
function checkConflicts({ Hostname = '' }: ContainerConfig, hostConfig: HostConfig): void {
  const { NetworkMode = '', UTSMode = '', Dns, ExtraHosts } = hostConfig;
  const isShared = NetworkMode.startsWith('container:');
  const conflicts = [
    [isShared && Hostname !== '', 'hostname and the network mode'],
    [UTSMode === 'host' && Hostname !== '', 'hostname and the UTS mode'],
    [isShared && Dns && Dns.length > 0, 'dns and the network mode'],
    [isShared && ExtraHosts && ExtraHosts.length > 0, 'custom host-to-IP mapping and the network mode'],
  ] as const;
  const found = conflicts.find(([is]) => is);
  if (found) throw new InvalidContainerError(`conflicting options: ${found[1]}`);
}

function checkLimits(hostConfig: HostConfig): void {
  const { NetworkMode, IpcMode, UTSMode } = hostConfig;
  const modes = { network: NetworkMode, ipc: IpcMode, uts: UTSMode };
  const kinds = (['network', 'ipc', 'uts'] as const).filter((kind) => modes[kind] === 'host');
  sysctlsOf(hostConfig, new Set(kinds));
  shmBytesOf(hostConfig);
  // Whether this process may give what is asked for is another question, and has its own answer at the start.
  oomScoreOf(hostConfig, { mayRaise: true });
  rlimitsOf(hostConfig, { mayRaise: true });
}

/** Parts of docker that there are not here: not to be believed in force. */
function expectOrdinary({
  Runtime = '',
  Isolation = '',
  StorageOpt,
  CpuRealtimePeriod = 0,
  CpuRealtimeRuntime = 0,
}: HostConfig): void {
  if (!RUNTIMES.includes(Runtime)) throw new InvalidContainerError(`Unknown runtime specified ${Runtime}`);
  if (Isolation !== '' && Isolation !== 'default')
    throw new InvalidContainerError(
      `Invalid isolation: ${JSON.stringify(Isolation)} - linux only supports 'default'`,
    );
  if (Object.keys(StorageOpt ?? {}).length > 0)
    throw new InvalidContainerError(
      '--storage-opt is not possible here: what a container writes has no limit',
    );
  if (CpuRealtimePeriod !== 0 || CpuRealtimeRuntime !== 0)
    throw new InvalidContainerError('real-time shares of the processors are not possible here');
}
