import { readFileSync } from 'node:fs';
import type { CreateBody, RestartPolicy } from '../runtime/container/index.js';
import { askedAddresses } from './asked-addresses.js';
import { parseSize, parseUlimits, splitPair } from './build-flags.js';
import type { ContainerFlags } from './container-options.js';
import { parseAge } from './duration-option.js';
import { UsageError } from './failure.js';
import { absoluteBind, parseMount } from './mount-flag.js';
import { parsePublished } from './published-ports.js';

/** `detach` is of `berth run`. */
type BodyFlags = ContainerFlags & Readonly<{ detach?: boolean }>;

/** What `berth run` asks for, as the Engine API would have it. @throws {UsageError} */
export function createBodyOf(
  image: string,
  command: readonly string[],
  flags: BodyFlags,
  env: NodeJS.ProcessEnv = process.env,
): CreateBody {
  const ports = parsePublished(flags.publish, flags.expose);
  return {
    ...processOf(flags, env),
    Image: image,
    ...(command.length > 0 && { Cmd: command }),
    ...(Object.keys(ports.exposed).length > 0 && { ExposedPorts: ports.exposed }),
    ...(flags.stopSignal !== undefined && { StopSignal: flags.stopSignal }),
    ...(flags.stopTimeout !== undefined && { StopTimeout: flags.stopTimeout }),
    ...healthcheckOf(flags),
    HostConfig: { ...hostConfigOf(flags), PortBindings: ports.bindings },
    NetworkingConfig: { EndpointsConfig: endpointsOf(flags) },
  };
}

/** `-e` and `--env-file`: a name alone takes the value that it has here, or none. @throws {UsageError} */
export function variablesOf(
  { env: given, envFile }: Pick<ContainerFlags, 'env' | 'envFile'>,
  env: NodeJS.ProcessEnv = process.env,
): string[] {
  const texts = [...envFile.flatMap((path) => linesOf(path, '--env-file')), ...given];
  return texts.flatMap((text) => {
    if (text.includes('=')) return [text];
    return env[text] === undefined ? [] : [`${text}=${env[text]}`];
  });
}

function processOf(flags: BodyFlags, env: NodeJS.ProcessEnv) {
  const isInteractive = flags.interactive === true;
  const isAttached = flags.detach !== true;
  return {
    Env: variablesOf(flags, env),
    Labels: Object.fromEntries(
      [...flags.labelFile.flatMap((path) => linesOf(path, '--label-file')), ...flags.label].map((text) => {
        const [name, value = ''] = splitPair(text);
        return [name, value];
      }),
    ),
    Tty: flags.tty === true,
    OpenStdin: isInteractive,
    // Who is there from the start may end its input; of those who attach later, nobody may for the others.
    StdinOnce: isInteractive && isAttached,
    AttachStdin: isInteractive && isAttached,
    AttachStdout: isAttached,
    AttachStderr: isAttached,
    ...(flags.workdir !== undefined && { WorkingDir: flags.workdir }),
    ...(flags.user !== undefined && { User: flags.user }),
    ...(flags.hostname !== undefined && { Hostname: flags.hostname }),
    ...(flags.domainname !== undefined && { Domainname: flags.domainname }),
    ...(flags.entrypoint !== undefined && { Entrypoint: [flags.entrypoint] }),
  };
}

function hostConfigOf(flags: ContainerFlags) {
  const [network = 'default'] = flags.network;
  return {
    NetworkMode: network,
    AutoRemove: flags.rm === true,
    RestartPolicy: parseRestartPolicy(flags),
    PublishAllPorts: flags.publishAll === true,
    Binds: flags.volume.map(absoluteBind),
    Tmpfs: Object.fromEntries(flags.tmpfs.map((text) => splitAt(text, ':'))),
    VolumesFrom: flags.volumesFrom,
    Mounts: flags.mount.map(parseMount),
    Links: flags.link,
    Dns: flags.dns,
    DnsSearch: flags.dnsSearch,
    DnsOptions: flags.dnsOption,
    ExtraHosts: flags.addHost,
    GroupAdd: flags.groupAdd,
    CapAdd: flags.capAdd,
    CapDrop: flags.capDrop,
    SecurityOpt: flags.securityOpt.map(withProfile),
    Privileged: flags.privileged === true,
    ReadonlyRootfs: flags.readOnly === true,
    PidMode: flags.pid ?? '',
    IpcMode: flags.ipc ?? '',
    UTSMode: flags.uts ?? '',
    UsernsMode: flags.userns ?? '',
    CgroupnsMode: flags.cgroupns ?? '',
    CgroupParent: flags.cgroupParent ?? '',
    Annotations: Object.fromEntries(flags.annotation.map((text) => splitAt(text, '='))),
    Runtime: flags.runtime ?? '',
    Isolation: flags.isolation ?? '',
    VolumeDriver: flags.volumeDriver ?? '',
    StorageOpt: Object.fromEntries(flags.storageOpt.map((text) => splitAt(text, '='))),
    Sysctls: Object.fromEntries(flags.sysctl.map((text) => splitAt(text, '='))),
    Ulimits: parseUlimits(flags.ulimit).map(({ name, soft, hard }) => ({
      Name: name,
      Soft: soft,
      Hard: hard,
    })),
    LogConfig: {
      Type: flags.logDriver ?? 'json-file',
      Config: Object.fromEntries(flags.logOpt.map((text) => splitAt(text, '='))),
    },
    ...(flags.init === true && { Init: true }),
    ...(flags.shmSize !== undefined && { ShmSize: parseSize(flags.shmSize, '--shm-size') }),
    ...limitsOf(flags),
  };
}

/** Limits that `berth update` changes too. */
export type ChangeableLimitFlags = Pick<
  ContainerFlags,
  | 'memory'
  | 'memorySwap'
  | 'memoryReservation'
  | 'cpuShares'
  | 'cpus'
  | 'cpuPeriod'
  | 'cpuQuota'
  | 'cpusetCpus'
  | 'cpusetMems'
  | 'pidsLimit'
  | 'blkioWeight'
>;

/** In the members of the Engine API; what nobody asked for is absent. @throws {UsageError} */
export function changeableLimitsOf(flags: ChangeableLimitFlags) {
  const size = (text: string, flag: string) => (text === '-1' ? -1 : parseSize(text, flag));
  return {
    ...(flags.memory !== undefined && { Memory: parseSize(flags.memory, '--memory') }),
    ...(flags.memorySwap !== undefined && { MemorySwap: size(flags.memorySwap, '--memory-swap') }),
    ...(flags.memoryReservation !== undefined && {
      MemoryReservation: parseSize(flags.memoryReservation, '--memory-reservation'),
    }),
    ...(flags.cpuShares !== undefined && { CpuShares: flags.cpuShares }),
    ...(flags.cpus !== undefined && { NanoCpus: nanoCpus(flags.cpus) }),
    ...(flags.cpuPeriod !== undefined && { CpuPeriod: flags.cpuPeriod }),
    ...(flags.cpuQuota !== undefined && { CpuQuota: flags.cpuQuota }),
    ...(flags.cpusetCpus !== undefined && { CpusetCpus: flags.cpusetCpus }),
    ...(flags.cpusetMems !== undefined && { CpusetMems: flags.cpusetMems }),
    ...(flags.pidsLimit !== undefined && { PidsLimit: flags.pidsLimit }),
    ...(flags.blkioWeight !== undefined && { BlkioWeight: flags.blkioWeight }),
  };
}

function limitsOf(flags: ContainerFlags) {
  return {
    ...changeableLimitsOf(flags),
    ...(flags.memorySwappiness !== undefined && { MemorySwappiness: flags.memorySwappiness }),
    ...(flags.oomKillDisable === true && { OomKillDisable: true }),
    ...(flags.oomScoreAdj !== undefined && { OomScoreAdj: flags.oomScoreAdj }),
    BlkioDeviceReadBps: flags.deviceReadBps.map((text) => rateOf(text, '--device-read-bps')),
    BlkioDeviceWriteBps: flags.deviceWriteBps.map((text) => rateOf(text, '--device-write-bps')),
    BlkioDeviceReadIOps: flags.deviceReadIops.map((text) => rateOf(text, '--device-read-iops')),
    BlkioDeviceWriteIOps: flags.deviceWriteIops.map((text) => rateOf(text, '--device-write-iops')),
    BlkioWeightDevice: flags.blkioWeightDevice.map(weightOf),
    ...devicesOf(flags),
    DeviceCgroupRules: flags.deviceCgroupRule,
  };
}

function endpointsOf(flags: ContainerFlags) {
  const names = flags.network.filter((name) => !/^(?:none|host|container:.*)$/.test(name));
  const settings = {
    ...askedAddresses(flags),
    ...(flags.macAddress !== undefined && { MacAddress: flags.macAddress }),
    ...(flags.networkAlias.length > 0 && { Aliases: flags.networkAlias }),
    ...(flags.link.length > 0 && { Links: flags.link }),
  };
  const first = names[0] ?? (Object.keys(settings).length > 0 ? 'default' : undefined);
  if (first === undefined) return {};
  return { ...Object.fromEntries(names.map((name) => [name, {}])), [first]: settings };
}

function healthcheckOf(flags: ContainerFlags) {
  const settings = {
    ...(flags.healthCmd !== undefined && { Test: ['CMD-SHELL', flags.healthCmd] }),
    ...(flags.healthInterval !== undefined && {
      Interval: nanoseconds(flags.healthInterval, '--health-interval'),
    }),
    ...(flags.healthTimeout !== undefined && {
      Timeout: nanoseconds(flags.healthTimeout, '--health-timeout'),
    }),
    ...(flags.healthStartPeriod !== undefined && {
      StartPeriod: nanoseconds(flags.healthStartPeriod, '--health-start-period'),
    }),
    ...(flags.healthStartInterval !== undefined && {
      StartInterval: nanoseconds(flags.healthStartInterval, '--health-start-interval'),
    }),
    ...(flags.healthRetries !== undefined && { Retries: flags.healthRetries }),
  };
  const hasSettings = Object.keys(settings).length > 0;
  if (flags.healthcheck !== false) return hasSettings ? { Healthcheck: settings } : {};
  if (hasSettings) throw new UsageError('--no-healthcheck conflicts with --health-* options');
  return { Healthcheck: { Test: ['NONE'] } };
}

/** @throws {UsageError} with --rm there is nothing to be started again. */
export function parseRestartPolicy({
  restart = 'no',
  rm,
}: Pick<ContainerFlags, 'restart' | 'rm'>): RestartPolicy {
  const [, name = '', count = '0'] =
    /^(no|always|unless-stopped|on-failure)(?::(\d{1,6}))?$/.exec(restart) ?? [];
  if (name === '' || (count !== '0' && name !== 'on-failure'))
    throw new UsageError(`--restart ${restart}: write no, always, unless-stopped or on-failure[:count]`);
  if (name !== 'no' && rm === true)
    throw new UsageError('conflicting options: cannot specify both --restart and --rm');
  return { Name: name, MaximumRetryCount: Number(count) };
}

function nanoseconds(text: string, flag: string): number {
  return parseAge(flag, text) * 1_000_000;
}

function nanoCpus(text: string): number {
  if (/^\d+(?:\.\d{1,9})?$/.test(text)) return Math.round(Number(text) * 1e9);
  throw new UsageError(`--cpus ${text}: write a number as in 1.5`);
}

function rateOf(text: string, flag: string) {
  const at = text.lastIndexOf(':');
  if (at <= 0) throw new UsageError(`${flag} ${text}: write DEVICE:RATE, as in /dev/sda:1mb`);
  const rate = text.slice(at + 1);
  return { Path: text.slice(0, at), Rate: flag.endsWith('bps') ? parseSize(rate, flag) : Number(rate) };
}

function weightOf(text: string) {
  const { Path, Rate: Weight } = rateOf(text, '--blkio-weight-device');
  return { Path, Weight };
}

/** Paths, and names of CDI (`vendor.com/class=name`), which docker's client hands on as a request too. */
function devicesOf({ device: texts, gpus }: Pick<ContainerFlags, 'device' | 'gpus'>) {
  const isName = (text: string) => /^[a-z][\w.-]*\/[a-z][\w-]*=[\w.:-]+$/i.test(text);
  const names = texts.filter(isName);
  return {
    Devices: texts.filter((text) => !isName(text)).map(deviceOf),
    DeviceRequests: [
      ...(names.length > 0 ? [{ Driver: 'cdi', DeviceIDs: names }] : []),
      ...(gpus === undefined ? [] : [{ Capabilities: [['gpu']] }]),
    ],
  };
}

function deviceOf(text: string) {
  const [path = '', second, third] = text.split(':');
  const isMode = second !== undefined && third === undefined && /^[rwm]+$/.test(second);
  return {
    PathOnHost: path,
    PathInContainer: isMode ? path : (second ?? path),
    CgroupPermissions: third ?? (isMode ? second : 'rwm'),
  };
}

/** `seccomp=FILE` says what is in the file, as docker's client does: who starts the container has no such file. */
function withProfile(option: string): string {
  const [, path] = /^seccomp[=:](.+)$/s.exec(option) ?? [];
  if (path === undefined || path === 'unconfined' || path === 'builtin') return option;
  return `seccomp=${textOf(path, '--security-opt seccomp')}`;
}

/** Lines of a file of variables: comments and blank ones are left out. @throws {UsageError} */
function linesOf(path: string, flag: string): string[] {
  const lines = textOf(path, flag)
    .split('\n')
    .map((line) => line.replace(/\r$/, '').trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of lines) {
    const [name] = splitAt(line, '=');
    if (name === '') throw new UsageError(`${flag} ${path}: no variable name on line '${line}'`);
    if (/\s/.test(name)) throw new UsageError(`${flag} ${path}: variable '${name}' contains whitespaces`);
  }
  return lines;
}

function textOf(path: string, flag: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new UsageError(`${flag} ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
