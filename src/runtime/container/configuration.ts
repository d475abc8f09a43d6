import { type ContainerConfig as ImageContainerConfig, parseSignal } from '../../oci/index.js';
import type { LimitsHostConfig } from '../limits/index.js';
import type { LogConfig } from '../logs/index.js';
import type { MountsHostConfig } from '../volumes/index.js';
import type { DeviceRequest } from './device-requests.js';

/**
 * What a container is asked to be, in the members of the Engine API, which inspect gives back as they came: the body of
 * POST /containers/create. Members that are not named here are kept.
 */
export type CreateBody = ContainerConfig &
  Readonly<{ HostConfig?: HostConfig; NetworkingConfig?: NetworkingConfig }>;

/** Of the container itself, whatever machine it runs on. */
export type ContainerConfig = Omit<ImageContainerConfig, 'Entrypoint' | 'Cmd'> &
  Readonly<{
    Hostname?: string;
    Domainname?: string;
    AttachStdin?: boolean;
    AttachStdout?: boolean;
    AttachStderr?: boolean;
    Tty?: boolean;
    OpenStdin?: boolean;
    StdinOnce?: boolean;
    /** Docker takes a single word as well. */
    Entrypoint?: readonly string[] | string | null;
    Cmd?: readonly string[] | string | null;
    Image?: string;
    /** Seconds. */
    StopTimeout?: number;
    MacAddress?: string;
  }>;

/** `Name` is no, always, unless-stopped or on-failure; '' is no. A count of 0 is no limit. */
export type RestartPolicy = Readonly<{ Name?: string; MaximumRetryCount?: number }>;
/** An empty or absent port is any that is free. */
export type PortBinding = Readonly<{ HostIp?: string; HostPort?: string }>;

/** What ties a container to its machine. */
export type HostConfig = MountsHostConfig & LimitsHostConfig & PlaceConfig;

type PlaceConfig = Readonly<{
  NetworkMode?: string;
  PortBindings?: Readonly<Record<string, readonly PortBinding[] | null>> | null;
  PublishAllPorts?: boolean;
  RestartPolicy?: RestartPolicy;
  AutoRemove?: boolean;
  /** Height and width. */
  ConsoleSize?: readonly [number, number];
  CapAdd?: readonly string[] | null;
  CapDrop?: readonly string[] | null;
  DeviceRequests?: readonly DeviceRequest[] | null;
  Dns?: readonly string[] | null;
  DnsOptions?: readonly string[] | null;
  DnsSearch?: readonly string[] | null;
  ExtraHosts?: readonly string[] | null;
  GroupAdd?: readonly string[] | null;
  Isolation?: string;
  IpcMode?: string;
  Links?: readonly string[] | null;
  PidMode?: string;
  UTSMode?: string;
  UsernsMode?: string;
  CgroupnsMode?: string;
  CgroupParent?: string;
  /** For the program that makes it: runtime-spec config.md, "Annotations". */
  Annotations?: Readonly<Record<string, string>> | null;
  Privileged?: boolean;
  ReadonlyRootfs?: boolean;
  Runtime?: string;
  SecurityOpt?: readonly string[] | null;
  StorageOpt?: Readonly<Record<string, string>> | null;
  CpuRealtimePeriod?: number;
  CpuRealtimeRuntime?: number;
  Init?: boolean | null;
  LogConfig?: LogConfig;
}>;

export type NetworkingConfig = Readonly<{
  EndpointsConfig?: Readonly<Record<string, EndpointSettings | null>> | null;
}>;

/** What is asked of one network. */
export type EndpointSettings = Readonly<{
  IPAMConfig?: Readonly<{ IPv4Address?: string; IPv6Address?: string }> | null;
  Links?: readonly string[] | null;
  Aliases?: readonly string[] | null;
  MacAddress?: string;
}>;

/** By which it is asked to end. As with docker, one of an image that there is not counts for nothing. */
export function stopSignalOf({ StopSignal }: ContainerConfig): string {
  try {
    return StopSignal ? String(parseSignal(StopSignal)) : 'SIGTERM';
  } catch {
    return 'SIGTERM';
  }
}

/** The command line of a container: words of the entrypoint, then of the command. */
export function commandLine({ Entrypoint, Cmd }: ContainerConfig): string[] {
  return [...words(Entrypoint), ...words(Cmd)];
}

/**
 * What the image says, where the caller says nothing else; with docker's rules: an entrypoint of one's own takes the image's
 * command away, variables and labels add up, and a user or working directory replaces.
 */
export function withImage(config: ContainerConfig, image: ImageContainerConfig): ContainerConfig {
  const ownEntrypoint = words(config.Entrypoint);
  // An entrypoint of '' takes away that of the image.
  const entrypoint =
    config.Entrypoint == null ? image.Entrypoint : ownEntrypoint.filter((word) => word !== '');
  const command = words(config.Cmd).length > 0 || config.Entrypoint != null ? words(config.Cmd) : image.Cmd;
  return {
    ...config,
    Entrypoint: entrypoint == null || entrypoint.length === 0 ? null : entrypoint,
    Cmd: command == null || command.length === 0 ? null : command,
    Env: withDefaults(config.Env ?? [], image.Env ?? []),
    Labels: { ...image.Labels, ...config.Labels },
    User: config.User || image.User || '',
    WorkingDir: config.WorkingDir || image.WorkingDir || '',
    ...definedOnly({
      ExposedPorts: merged(image.ExposedPorts, config.ExposedPorts),
      Volumes: merged(image.Volumes, config.Volumes),
      StopSignal: config.StopSignal || image.StopSignal || undefined,
      Healthcheck: healthcheckOf(config.Healthcheck, image.Healthcheck),
      Shell: config.Shell ?? image.Shell ?? undefined,
    }),
  };
}

/** Those of the image come first, each replaced by one of the same name. */
function withDefaults(own: readonly string[], defaults: readonly string[]): string[] {
  const names = new Set(own.map(nameOf));
  return [...own, ...defaults.filter((pair) => !names.has(nameOf(pair)))];
}

function nameOf(pair: string): string {
  return pair.split('=', 1)[0] ?? '';
}

function merged<T extends object>(
  image: Readonly<Record<string, T>> | null | undefined,
  own: Readonly<Record<string, T>> | null | undefined,
): Readonly<Record<string, T>> | undefined {
  return image == null && own == null ? undefined : { ...image, ...own };
}

/** Single settings of one's own leave the rest as the image has it. */
function healthcheckOf(
  own: ContainerConfig['Healthcheck'],
  image: ImageContainerConfig['Healthcheck'],
): NonNullable<ContainerConfig['Healthcheck']> | undefined {
  if (own == null || image == null) return own ?? image ?? undefined;
  const set = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== 0));
  return { ...image, ...set, ...(own.Test?.length ? {} : { Test: image.Test ?? [] }) };
}

function words(value: readonly string[] | string | null | undefined): readonly string[] {
  if (value == null) return [];
  return typeof value === 'string' ? [value] : value;
}

function definedOnly<T extends Record<string, unknown>>(
  values: T,
): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
