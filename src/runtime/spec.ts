import { ALL_CAPABILITIES, DEFAULT_CAPABILITIES } from './capabilities.js';
import type { DeviceAdditions } from './cdi/apply-edits.js';
import { type OwnSeccompProfile, ownSeccomp } from './own-seccomp.js';
import { seccompProfile } from './seccomp.js';
import type { IDMap, IDRange } from './subordinate-ids.js';
import type { Rlimit } from './ulimits.js';
import type { ProcessUser } from './users.js';

/** runtime-spec config.md, "Mounts". */
export type SpecMount = Readonly<{
  destination: string;
  type: string;
  source: string;
  options: readonly string[];
}>;

/** What the machine allows, and a container has to be fitted to. */
export type Surroundings = Readonly<{
  /** Whether root of this process is root of the machine, or of a user namespace with many ids, or with a single one. */
  ids: 'machine' | 'range' | 'single';
  /** What this process may hand on. */
  capabilities: ReadonlySet<string>;
  cgroups: 'none' | 'v1' | 'v2';
  /** Of an ordinary user: where on v2 the user's systemd makes them, when the runtime asks it to. */
  userCgroup?: string;
}>;

/** A namespace that something has: `/proc/7/ns/net`. */
export type NamespacePath = Readonly<{ path: string }>;

export type ContainerOptions = Readonly<{
  rootfs: string;
  args: readonly string[];
  env: readonly string[];
  cwd: string;
  user: ProcessUser;
  hostname: string;
  terminal: boolean;
  /** The machine's network, one with nothing but the loopback interface, or the one of a namespace. */
  network: 'host' | 'none' | NamespacePath;
  /** Namespaces that are not the container's own. */
  shared?: Readonly<Partial<Record<'pid' | 'ipc' | 'uts', 'host' | NamespacePath>>>;
  /** Ids that are not the machine's, and a user namespace that has them. */
  ids?: Readonly<{ map: IDMap; userNamespace: string }>;
  /** All capabilities, no seccomp, nothing masked. */
  privileged: boolean;
  /** On top of the usual ones, parents first. */
  mounts: readonly SpecMount[];
  shmBytes?: number;
  rlimits: readonly Rlimit[];
  additions?: DeviceAdditions;
  cgroupsPath?: string;
  /** The container sees its own cgroups. */
  showsCgroups?: boolean;
  /** It sees them as if there were no others. */
  ownCgroupNamespace?: boolean;
  /** config.md, "Annotations". */
  annotations?: Readonly<Record<string, string>>;
  isReadOnly?: boolean;
  domainname?: string;
  /** Beside the usual ones, and of those: names with CAP_, or ALL. */
  capabilities?: Readonly<{ add: readonly string[]; drop: readonly string[] }>;
  /** A profile instead of the usual one, or none. */
  seccomp?: OwnSeccompProfile | 'unconfined';
  noNewPrivileges?: boolean;
  /** Nothing is masked or read-only below /proc and /sys. */
  showsAllPaths?: boolean;
  sysctl?: Readonly<Record<string, string>>;
  /** runtime-spec config-linux.md, "Control groups", but for devices. */
  resources?: object;
  oomScoreAdj?: number;
  /** Of the terminal, when there is one. */
  consoleSize?: Readonly<{ height: number; width: number }>;
}>;

export type RuntimeSpec = ReturnType<typeof containerSpec>;

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Of /dev/shm, where nobody says. */
export const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;

/** What docker hides of the machine. */
const MASKED = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** config.json of a container: runtime-spec config.md and config-linux.md, with docker's defaults. */
export function containerSpec(options: ContainerOptions, surroundings: Surroundings) {
  const {
    ids,
    privileged,
    cgroupsPath,
    additions,
    sysctl = {},
    showsAllPaths = privileged,
    annotations = {},
  } = options;
  const capabilities = capabilitiesOf(options, surroundings);
  const seccomp = seccompOf(options, capabilities);
  return {
    ociVersion: '1.0.2',
    process: processOf(options, capabilities),
    root: { path: options.rootfs, readonly: options.isReadOnly ?? false },
    hostname: options.hostname,
    ...(options.domainname && { domainname: options.domainname }),
    mounts: [...standardMounts(options, surroundings), ...options.mounts],
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ...(additions && Object.keys(additions.hooks).length > 0 && { hooks: additions.hooks }),
    linux: {
      namespaces: namespacesOf(options, surroundings),
      // Both are those of the namespace already: runc before 1.2 must be told.
      ...(ids && { uidMappings: [mappingOf(ids.map.uids)], gidMappings: [mappingOf(ids.map.gids)] }),
      resources: {
        ...options.resources,
        devices: [{ allow: privileged, access: 'rwm' }, ...(additions?.rules ?? [])],
      },
      ...(additions && additions.devices.length > 0 && { devices: additions.devices }),
      ...(cgroupsPath !== undefined && { cgroupsPath }),
      ...(Object.keys(sysctl).length > 0 && { sysctl }),
      ...(seccomp && { seccomp }),
      ...(!showsAllPaths && { maskedPaths: MASKED, readonlyPaths: READ_ONLY }),
    },
  };
}

/** Where {@link containerSpec} itself mounts something, parents first. */
export function standardTargets(options: ContainerOptions, surroundings: Surroundings): string[] {
  return standardMounts(options, surroundings)
    .map(({ destination }) => destination)
    .filter((destination) => !/^\/(dev|sys)\/./.test(destination)); // those lie on what is mounted before them
}

function seccompOf({ seccomp, privileged }: ContainerOptions, capabilities: readonly string[]) {
  if (typeof seccomp === 'object') return ownSeccomp(seccomp, capabilities);
  return seccomp === 'unconfined' || privileged ? undefined : seccompProfile(capabilities);
}

function processOf(options: ContainerOptions, capabilities: readonly string[]) {
  const { args, cwd, user, terminal, rlimits, consoleSize, oomScoreAdj } = options;
  const { uid, gid, groups } = user;
  return {
    terminal,
    ...(terminal && consoleSize && { consoleSize }),
    user: { uid, gid, ...(groups.length > 0 && { additionalGids: groups }) },
    args,
    env: completed(options.env, user),
    cwd,
    // Not inheritable: that would let programs of other users gain them by execve.
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    noNewPrivileges: options.noNewPrivileges ?? false,
    ...(oomScoreAdj !== undefined && { oomScoreAdj }),
    ...(rlimits.length > 0 && { rlimits }),
  };
}

function completed(env: readonly string[], { home }: ProcessUser): string[] {
  const has = (name: string) => env.some((pair) => pair.startsWith(`${name}=`));
  return [...(has('PATH') ? [] : [DEFAULT_PATH]), ...env, ...(has('HOME') ? [] : [`HOME=${home}`])];
}

function capabilitiesOf({ privileged, capabilities: chosen }: ContainerOptions, surroundings: Surroundings) {
  const { capabilities } = surroundings;
  const wanted = wantedCapabilities(privileged ? [...capabilities] : DEFAULT_CAPABILITIES, chosen);
  const unsafe = mustHideDevices(privileged, surroundings) ? 'CAP_MKNOD' : undefined;
  return wanted.filter((name) => capabilities.has(name) && name !== unsafe);
}

/** As docker: what is added wins over dropping ALL, and what is dropped over adding ALL. */
function wantedCapabilities(usual: readonly string[], chosen: ContainerOptions['capabilities']): string[] {
  if (chosen === undefined) return [...usual];
  const base = chosen.add.includes('ALL') ? ALL_CAPABILITIES : chosen.drop.includes('ALL') ? [] : usual;
  const added = chosen.add.filter((name) => name !== 'ALL');
  return [...new Set([...base.filter((name) => !chosen.drop.includes(name)), ...added])];
}

/** Only the device cgroup keeps root of a container from the machine's disk: by a node of its own, or its image's. */
export function mustHideDevices(privileged: boolean, { ids, cgroups }: Surroundings): boolean {
  return !privileged && ids === 'machine' && cgroups === 'none';
}

function mappingOf({ first, count }: IDRange) {
  return { containerID: 0, hostID: first, size: count };
}

function namespacesOf(
  { network, ids, shared = {}, ownCgroupNamespace }: ContainerOptions,
  surroundings: Surroundings,
) {
  const wanted = { pid: shared.pid, mount: undefined, ipc: shared.ipc, uts: shared.uts };
  const choices = { ...wanted, network: network === 'none' ? undefined : network };
  const types = Object.entries(choices).flatMap(([type, choice]) => {
    if (choice === 'host') return [];
    return [choice === undefined ? { type } : { type, path: choice.path }];
  });
  if (ids) types.unshift({ type: 'user', path: ids.userNamespace });
  return (ownCgroupNamespace ?? hasCgroupNamespace(surroundings)) ? [...types, { type: 'cgroup' }] : types;
}

/** As docker has it where nobody says: v1 shows a container the cgroups of all. */
export function hasCgroupNamespace({ cgroups }: Pick<Surroundings, 'cgroups'>): boolean {
  return cgroups === 'v2';
}

function standardMounts(
  { privileged, shmBytes = DEFAULT_SHM_BYTES, network, showsCgroups = false }: ContainerOptions,
  { ids, cgroups }: Surroundings,
): SpecMount[] {
  const quiet = ['nosuid', 'noexec', 'nodev'];
  const sys = privileged ? quiet : [...quiet, 'ro'];
  const pts = ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'];
  const shm = [...quiet, 'mode=1777', `size=${shmBytes}`];
  const mounts = [
    mountOf('/proc', 'proc', 'proc', quiet),
    mountOf('/dev', 'tmpfs', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    mountOf('/dev/pts', 'devpts', 'devpts', ids === 'single' ? pts : [...pts, 'gid=5']),
    mountOf('/dev/shm', 'tmpfs', 'shm', shm),
    mountOf('/dev/mqueue', 'mqueue', 'mqueue', quiet),
    // Its contents belong to the network namespace: who does not own that may only show the machine's.
    ids === 'machine' || network !== 'host'
      ? mountOf('/sys', 'sysfs', 'sysfs', sys)
      : mountOf('/sys', 'none', '/sys', ['rbind', 'rslave', ...sys]),
  ];
  if (cgroups === 'v2' || (showsCgroups && cgroups === 'v1'))
    mounts.push(mountOf('/sys/fs/cgroup', 'cgroup', 'cgroup', sys));
  return mounts;
}

function mountOf(destination: string, type: string, source: string, options: readonly string[]): SpecMount {
  return { destination, type, source, options };
}
