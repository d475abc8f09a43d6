import { type ContainerRecord, commandLine } from '../../runtime/container/index.js';

/** Go's zero time: never. */
const NEVER = '0001-01-01T00:00:00Z';
const NO_RESTART = { Name: 'no', MaximumRetryCount: 0 };

/** `docker inspect` of a container. */
export function containerJson(
  record: ContainerRecord,
  files: Readonly<{ log: string; root: string }>,
): object {
  const { id, name, createdAt, config, hostConfig, image } = record;
  const [Path = '', ...Args] = commandLine(config);
  return {
    Id: id,
    Created: createdAt,
    Path,
    Args,
    State: stateJson(record),
    Image: image.id,
    ResolvConfPath: '',
    HostnamePath: '',
    HostsPath: '',
    LogPath: files.log,
    Name: `/${name}`,
    RestartCount: record.state.restartCount,
    Driver: 'overlay',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: {
      NetworkMode: 'default',
      RestartPolicy: NO_RESTART,
      AutoRemove: false,
      Privileged: false,
      ...hostConfig,
    },
    GraphDriver: { Data: null, Name: 'overlay' },
    Mounts: [],
    Config: {
      Hostname: id.slice(0, 12),
      Domainname: '',
      User: '',
      AttachStdin: false,
      AttachStdout: false,
      AttachStderr: false,
      Tty: false,
      OpenStdin: false,
      StdinOnce: false,
      Volumes: null,
      WorkingDir: '',
      OnBuild: null,
      ...config,
      Image: image.name,
    },
    NetworkSettings: { Bridge: '', SandboxID: '', SandboxKey: '', Ports: {}, Networks: {} },
  };
}

function stateJson({ state }: ContainerRecord): object {
  const { status, pid, exitCode, error, oomKilled, startedAt = NEVER, finishedAt = NEVER } = state;
  return {
    Status: status,
    Running: ['running', 'paused', 'restarting'].includes(status),
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: oomKilled,
    Dead: status === 'dead',
    Pid: pid,
    ExitCode: exitCode,
    Error: error,
    StartedAt: startedAt,
    FinishedAt: finishedAt,
  };
}

/** One line of `docker ps`. @param status as people read it. */
export function listedContainerJson(record: ContainerRecord, status: string): object {
  const { id, name, image, config, hostConfig, createdAt, state } = record;
  return {
    Id: id,
    Names: [`/${name}`],
    Image: image.name,
    ImageID: image.id,
    Command: commandLine(config).join(' '),
    Created: Math.floor(Date.parse(createdAt) / 1000),
    Ports: [],
    Labels: config.Labels ?? {},
    State: state.status,
    Status: status,
    HostConfig: { NetworkMode: hostConfig.NetworkMode ?? 'default' },
    NetworkSettings: { Networks: {} },
    Mounts: [],
  };
}
