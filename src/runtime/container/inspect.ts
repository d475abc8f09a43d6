import type { Networks } from '../networks/index.js';
import { DEFAULT_SHM_BYTES } from '../spec.js';
import { ownCgroups } from '../surroundings.js';
import { inspectMounts } from '../volumes/index.js';
import { commandLine, type HostConfig } from './configuration.js';
import type { ContainerFolder } from './container-folder.js';
import { type ContainerRecord, type ContainerState, isActive } from './container-record.js';
import { readHealthLog } from './health-log.js';
import { inspectNetworks } from './inspect-networks.js';
import { cgroupNamespaceOf } from './namespaces.js';

/** How Go writes no time. */
const NEVER = '0001-01-01T00:00:00Z';

/** A container as `docker inspect` shows it: Engine API, GET /containers/(id)/json. */
export function inspectContainer(record: ContainerRecord, folder: ContainerFolder, networks: Networks) {
  const { id, name, createdAt, image, config, hostConfig, state } = record;
  const [path = '', ...args] = commandLine(config);
  return {
    Id: id,
    Created: createdAt,
    Path: path,
    Args: args,
    State: { ...inspectState(state), ...healthOf(state, folder) },
    Image: image.id,
    ResolvConfPath: folder.file('resolv.conf'),
    HostnamePath: folder.file('hostname'),
    HostsPath: folder.file('hosts'),
    LogPath: folder.file('log'),
    Name: `/${name}`,
    RestartCount: state.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: inspectHostConfig(hostConfig),
    GraphDriver: {
      Name: 'overlay2',
      Data: { MergedDir: folder.file('root'), UpperDir: folder.file('u'), WorkDir: folder.file('w') },
    },
    Mounts: inspectMounts(record.mounts),
    Config: {
      ...CONFIG_DEFAULTS,
      ...config,
      Hostname: config.Hostname || id.slice(0, 12),
      Image: image.name,
    },
    NetworkSettings: inspectNetworks(record, networks, networks.attachmentOf(id)),
  };
}

function inspectState({ status, pid, exitCode, error, oomKilled, startedAt, finishedAt }: ContainerState) {
  return {
    Status: status,
    Running: isActive(status),
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: oomKilled,
    Dead: status === 'dead',
    Pid: pid,
    ExitCode: exitCode,
    Error: error,
    StartedAt: startedAt ?? NEVER,
    FinishedAt: finishedAt ?? NEVER,
  };
}

function healthOf({ health }: ContainerState, folder: ContainerFolder) {
  if (health === undefined) return {};
  const { status, failingStreak } = health;
  return { Health: { Status: status, FailingStreak: failingStreak, Log: readHealthLog(folder) } };
}

/** Clients send nothing, or zero, for what is usual; docker shows what that means. */
function inspectHostConfig(given: HostConfig) {
  return {
    ...HOST_DEFAULTS,
    ...given,
    LogConfig: { Type: given.LogConfig?.Type || 'json-file', Config: given.LogConfig?.Config ?? {} },
    IpcMode: given.IpcMode || 'private',
    CgroupnsMode: cgroupNamespaceOf(given, ownCgroups()),
    ShmSize: given.ShmSize || DEFAULT_SHM_BYTES,
    PidsLimit: given.PidsLimit || null,
  };
}

const CONFIG_DEFAULTS = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: [],
  Cmd: null,
  Image: '',
  Volumes: null,
  WorkingDir: '',
  Entrypoint: null,
  OnBuild: null,
  Labels: {},
};

const HOST_DEFAULTS = {
  Binds: null,
  NetworkMode: 'default',
  PortBindings: {},
  RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
  AutoRemove: false,
  CapAdd: null,
  CapDrop: null,
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  Memory: 0,
  NanoCpus: 0,
  CpuShares: 0,
};
