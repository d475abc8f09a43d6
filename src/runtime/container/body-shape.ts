import { parseSignal } from '../../oci/index.js';
import { InvalidContainerError } from '../errors.js';
import type { CreateBody } from './configuration.js';

/** What a member is, in words for a person, or that it is as it should be: `undefined`. */
type Shape = (value: unknown) => string | undefined;
type Shapes = Readonly<Record<string, Shape>>;

const text: Shape = (value) => (typeof value === 'string' ? undefined : 'must be text');
const number: Shape = (value) => (Number.isSafeInteger(value) ? undefined : 'must be a whole number');
const flag: Shape = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');
const object: Shape = (value) => (isObject(value) ? undefined : 'must be an object');

function listOf(shape: Shape): Shape {
  return (value) => {
    if (!Array.isArray(value)) return 'must be a list';
    const wrong = value.map(shape).find((each) => each !== undefined);
    return wrong && `has an element that ${wrong}`;
  };
}

function orNull(shape: Shape): Shape {
  return (value) => (value === null ? undefined : shape(value));
}

function mapOf(shape: Shape): Shape {
  return (value) => {
    if (!isObject(value)) return 'must be an object';
    const wrong = Object.entries(value).find(([, each]) => shape(each) !== undefined);
    return wrong && `has a member ${JSON.stringify(wrong[0])} that ${shape(wrong[1])}`;
  };
}

/** Members that are null are as good as none. */
function objectOf(shapes: Shapes): Shape {
  return (value) => {
    if (!isObject(value)) return 'must be an object';
    const wrong = Object.entries(shapes).find(
      ([name, shape]) => value[name] != null && shape(value[name]) !== undefined,
    );
    return wrong && `has a ${wrong[0]} that ${wrong[1](value[wrong[0]])}`;
  };
}

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
  ConsoleSize: listOf(number),
  CpuPeriod: number,
  CpuQuota: number,
  CpuShares: number,
  CpusetCpus: text,
  CpusetMems: text,
  DeviceCgroupRules: texts,
  Devices: listOf(objectOf({ PathOnHost: text, PathInContainer: text, CgroupPermissions: text })),
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: texts,
  GroupAdd: texts,
  Init: flag,
  IpcMode: text,
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
  RestartPolicy: objectOf({ Name: text, MaximumRetryCount: number }),
  SecurityOpt: texts,
  ShmSize: number,
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

const BODY: Shapes = {
  ...CONFIG,
  HostConfig: objectOf(HOST_CONFIG),
  NetworkingConfig: objectOf({ EndpointsConfig: mapOf(orNull(objectOf(ENDPOINT))) }),
};

/**
 * The body of a request that makes a container, or a part of one with the same members. What is null is as good as absent,
 * and members that nobody knows pass.
 * @throws {InvalidContainerError} a member is of another kind than in the Engine API, or names a signal that there is not.
 */
export function parseCreateBody(body: object): CreateBody {
  const known = body as CreateBody;
  const wrong = objectOf(BODY)(body);
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

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
