import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { availableParallelism, hostname, machine, release, totalmem } from 'node:os';
import { readIfAny } from '../../linux/index.js';
import { type CgroupSupport, ownCgroupSupport } from '../../runtime/container/index.js';
import { type Handler, sendJson } from '../call.js';
import type { EngineParts } from '../engine.js';

/** `docker info`. */
export const info: Handler = async (engine, { answer }) => sendJson(answer, await infoJson(engine));

/** What the engine has: Engine API, GET /info. */
export async function infoJson(engine: EngineParts) {
  const containers = await engine.containers.host.list();
  const count = (...statuses: readonly string[]) =>
    containers.filter(({ state }) => statuses.includes(state.status)).length;
  const runtime = await engine.containers.host.findRuntime();
  using store = engine.openStore();
  return {
    ID: idOf(engine),
    Containers: containers.length,
    ContainersRunning: count('running'),
    ContainersPaused: count('paused'),
    ContainersStopped: containers.length - count('running', 'paused'),
    Images: store.images().length,
    Driver: 'overlay',
    DriverStatus: [['Root', engine.identity.root]],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'macvlan', 'null'],
      Authorization: null,
      Log: ['journald', 'json-file', 'local', 'none', 'syslog'],
    },
    ...limitsJson(ownCgroupSupport()),
    IPv4Forwarding: readIfAny('/proc/sys/net/ipv4/ip_forward').trim() === '1',
    Debug: false,
    NFd: 0,
    OomKillDisable: false,
    NGoroutines: 0,
    SystemTime: new Date().toISOString(),
    LoggingDriver: 'json-file',
    NEventsListener: 0,
    KernelVersion: release(),
    OperatingSystem: /^PRETTY_NAME="?([^"\n]*)/m.exec(readIfAny('/etc/os-release'))?.[1] ?? 'Linux',
    OSVersion: /^VERSION_ID="?([^"\n]*)/m.exec(readIfAny('/etc/os-release'))?.[1] ?? '',
    OSType: 'linux',
    Architecture: machine(),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registries(engine),
    NCPU: availableParallelism(),
    MemTotal: totalmem(),
    GenericResources: null,
    DockerRootDir: engine.identity.root,
    // Shown to all who may ask, so without what a proxy is told of who asks.
    HttpProxy: withoutLogin(process.env.HTTP_PROXY ?? process.env.http_proxy),
    HttpsProxy: withoutLogin(process.env.HTTPS_PROXY ?? process.env.https_proxy),
    NoProxy: process.env.NO_PROXY ?? process.env.no_proxy ?? '',
    Name: hostname(),
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: engine.identity.version,
    Runtimes: runtime === undefined ? {} : { [runtime.kind]: { path: runtime.program } },
    DefaultRuntime: runtime?.kind ?? '',
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: '',
    ContainerdCommit: { ID: '', Expected: '' },
    RuncCommit: { ID: '', Expected: '' },
    InitCommit: { ID: '', Expected: '' },
    SecurityOptions: securityOptions(engine),
    Warnings: null,
  };
}

/** The same as long as the machine and the place of the images are. */
function idOf({ identity }: EngineParts): string {
  const text = `${readIfAny('/etc/machine-id').trim()} ${identity.root}`;
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

/** As dockerd names them. */
function securityOptions({ identity }: EngineParts): string[] {
  return [
    'name=seccomp,profile=builtin',
    ...(identity.isRemapped ? ['name=userns'] : []),
    ...(identity.isRootless ? ['name=rootless'] : []),
  ];
}

/** What containers can be limited by: of an ordinary user, what the machine gives to users. */
export function limitsJson(
  { version, controllers, hasSwap, isOfUser = false }: CgroupSupport,
  isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers'),
) {
  const has = (name: string) => controllers.has(name);
  return {
    CgroupDriver: version === 'none' ? 'none' : isOfUser ? 'systemd' : 'cgroupfs',
    CgroupVersion: isUnified ? '2' : '1',
    MemoryLimit: has('memory'),
    SwapLimit: has('memory') && hasSwap,
    CpuCfsPeriod: has('cpu'),
    CpuCfsQuota: has('cpu'),
    CPUShares: has('cpu'),
    CPUSet: has('cpuset'),
    PidsLimit: has('pids'),
    BridgeNfIptables: false,
    BridgeNfIp6tables: false,
  };
}

function registries({ identity: { insecureRegistries } }: EngineParts) {
  const own = insecureRegistries.map((name) => [
    name,
    { Name: name, Mirrors: [], Secure: false, Official: false },
  ]);
  const hub = { Name: 'docker.io', Mirrors: [], Secure: true, Official: true };
  return {
    AllowNondistributableArtifactsCIDRs: null,
    AllowNondistributableArtifactsHostnames: null,
    InsecureRegistryCIDRs: ['127.0.0.0/8', '::1/128'],
    IndexConfigs: { 'docker.io': hub, ...Object.fromEntries(own) },
    Mirrors: null,
  };
}

function withoutLogin(address: string | undefined): string {
  return (address ?? '').replace(/\/\/[^@/]*@/, '//xxxxx:xxxxx@');
}
