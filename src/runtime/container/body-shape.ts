import { parseSignal } from '../../oci/index.js';
import { InvalidContainerError } from '../errors.js';
import {
  flag,
  listOf,
  mapOf,
  number,
  object,
  objectOf,
  orNull,
  type Shape,
  type Shapes,
  text,
} from '../shapes.js';
import type { CreateBody } from './configuration.js';

const texts = listOf(text);
const words: Shape = (value) =>
  typeof value === 'string' || texts(value) === undefined ? undefined : 'must be text or a list of texts';
const rates = listOf(objectOf({ Path: text, Rate: number }));

const MOUNT = objectOf({
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  Consistency: text,
  BindOptions: objectOf({
    Propagation: text,
    NonRecursive: flag,
    CreateMountpoint: flag,
    ReadOnlyNonRecursive: flag,
    ReadOnlyForceRecursive: flag,
  }),
  VolumeOptions: objectOf({
    NoCopy: flag,
    Labels: mapOf(text),
    DriverConfig: objectOf({ Name: text, Options: mapOf(text) }),
    Subpath: text,
  }),
  TmpfsOptions: objectOf({ SizeBytes: number, Mode: number, Options: listOf(texts) }),
});

const HOST_CONFIG: Shapes = {
  Annotations: mapOf(text),
  AutoRemove: flag,
  Binds: texts,
  BlkioDeviceReadBps: rates,
  BlkioDeviceReadIOps: rates,
  BlkioDeviceWriteBps: rates,
  BlkioDeviceWriteIOps: rates,
  BlkioWeight: number,
  BlkioWeightDevice: listOf(objectOf({ Path: text, Weight: number })),
  CapAdd: texts,
  CapDrop: texts,
  CgroupParent: text,
  CgroupnsMode: text,
  ConsoleSize: listOf(number),
  CpuPeriod: number,
  CpuQuota: number,
  CpuRealtimePeriod: number,
  CpuRealtimeRuntime: number,
  CpuShares: number,
  CpusetCpus: text,
  CpusetMems: text,
  DeviceCgroupRules: texts,
  DeviceRequests: listOf(objectOf({ Driver: text, Capabilities: listOf(texts), DeviceIDs: texts })),
  Devices: listOf(objectOf({ PathOnHost: text, PathInContainer: text, CgroupPermissions: text })),
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: texts,
  GroupAdd: texts,
  Init: flag,
  IpcMode: text,
  Isolation: text,
  Links: texts,
  LogConfig: objectOf({ Type: text, Config: mapOf(text) }),
  Memory: number,
  MemoryReservation: number,
  MemorySwap: number,
  MemorySwappiness: number,
  Mounts: listOf(MOUNT),
  NanoCpus: number,
  NetworkMode: text,
  OomKillDisable: flag,
  OomScoreAdj: number,
  PidMode: text,
  PidsLimit: number,
  PortBindings: mapOf(orNull(listOf(objectOf({ HostIp: text, HostPort: text })))),
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  Runtime: text,
  RestartPolicy: objectOf({ Name: text, MaximumRetryCount: number }),
  SecurityOpt: texts,
  ShmSize: number,
  StorageOpt: mapOf(text),
  Sysctls: mapOf(text),
  Tmpfs: mapOf(text),
  UTSMode: text,
  Ulimits: listOf(objectOf({ Name: text, Soft: number, Hard: number })),
  UsernsMode: text,
  VolumeDriver: text,
  VolumesFrom: texts,
};

const ENDPOINT: Shapes = {
  Aliases: texts,
  IPAMConfig: objectOf({ IPv4Address: text, IPv6Address: text }),
  Links: texts,
  MacAddress: text,
};

const CONFIG: Shapes = {
  AttachStderr: flag,
  AttachStdin: flag,
  AttachStdout: flag,
  Cmd: words,
  Domainname: text,
  Entrypoint: words,
  Env: texts,
  ExposedPorts: mapOf(orNull(object)),
  Healthcheck: objectOf({
    Test: texts,
    Interval: number,
    Timeout: number,
    StartPeriod: number,
    StartInterval: number,
    Retries: number,
  }),
  Hostname: text,
  Image: text,
  Labels: mapOf(text),
  MacAddress: text,
  OnBuild: texts,
  OpenStdin: flag,
  Shell: texts,
  StdinOnce: flag,
  StopSignal: text,
  StopTimeout: number,
  Tty: flag,
  User: text,
  Volumes: mapOf(orNull(object)),
  WorkingDir: text,
};

const BODY = objectOf({
  ...CONFIG,
  HostConfig: objectOf(HOST_CONFIG),
  NetworkingConfig: objectOf({ EndpointsConfig: mapOf(orNull(objectOf(ENDPOINT))) }),
});

/**
 * The body of a request that makes a container, or a part of one with the same members. What is null is as good as absent,
 * and members that nobody knows pass.
 * @throws {InvalidContainerError} a member is of another kind than in the Engine API, or names a signal that there is not.
 */
export function parseCreateBody(body: object): CreateBody {
  const known = body as CreateBody;
  const wrong = BODY(body);
  if (wrong !== undefined) throw new InvalidContainerError(`invalid container: it ${wrong}`);
  if (known.StopSignal) checkStopSignal(known.StopSignal);
  return known;
}

/** @throws {InvalidContainerError} as {@link parseCreateBody}. */
export function parseHostConfig(body: object): NonNullable<CreateBody['HostConfig']> {
  return parseCreateBody({ HostConfig: body }).HostConfig ?? {};
}

function checkStopSignal(signal: string): void {
  try {
    parseSignal(signal);
  } catch (error) {
    throw new InvalidContainerError(`invalid StopSignal: ${(error as Error).message}`, { cause: error });
  }
}
