import { chmodSync, writeFileSync } from 'node:fs';
import { ALL_CAPABILITIES } from '../capabilities.js';
import { InvalidContainerError } from '../errors.js';
import {
  cgroupSupport,
  devicesOf,
  oomScoreOf,
  resourcesOf,
  rlimitsOf,
  shmBytesOf,
  sysctlsOf,
} from '../limits/index.js';
import { MountTargets } from '../mount-targets.js';
import { hostsFile, resolvConf } from '../network-files.js';
import { parseSeccompProfile } from '../own-seccomp.js';
import { expectDirectories, makeDirectories } from '../root-path.js';
import {
  type ContainerOptions,
  containerSpec,
  type SpecMount,
  type Surroundings,
  standardTargets,
} from '../spec.js';
import { findUser, type ProcessUser, textsOf } from '../users.js';
import { copyUp, type PreparedVolumes, specMounts, type Volumes } from '../volumes/index.js';
import { commandLine } from './configuration.js';
import { type ContainerFolder, REACHABLE_ROOT } from './container-folder.js';
import type { NetworkParts } from './container-networks.js';
import type { ContainerRecord } from './container-record.js';
import { type InitProgram, initProgram } from './init-program.js';
import { cgroupPathOf, hostnameOf } from './names.js';
import { cgroupNamespaceOf } from './namespaces.js';
import type { OwnIDs } from './own-ids.js';
import { shownFile, shownVolumes } from './shown-root.js';

export type BundleParts = Readonly<{
  folder: ContainerFolder;
  /** The root filesystem, mounted, as this process sees it. */
  root: string;
  surroundings: Surroundings;
  networks: NetworkParts;
  shared: NonNullable<ContainerOptions['shared']>;
  volumes: Volumes;
  prepared: PreparedVolumes;
  /** Those that are not the machine's, if it has such. */
  ids: OwnIDs | undefined;
  /** Told, in words for a person, of what is not as it was asked for. */
  onNotice: (text: string) => void;
}>;

/**
 * Writes config.json of a container, and makes what it needs in the root filesystem.
 * @returns who its command runs as. @throws {RuntimeError} what is asked for cannot be had.
 */
export async function writeBundle(record: ContainerRecord, parts: BundleParts): Promise<ProcessUser> {
  const { folder, root, surroundings, volumes, ids } = parts;
  const prepared = ids === undefined ? parts.prepared : shownVolumes(folder, record);
  const init = initOf(record, parts);
  const options = optionsOf(record, parts, init);
  const standard = standardTargets(options, surroundings);
  expectDirectories(root, standard);
  makeDirectories(root, options.cwd);
  await copyUp(record.mounts, { rootfs: root, volumes });
  const placed = specMounts(record.mounts, { rootfs: root, prepared });
  const files = [...networkFiles(record, parts), ...(init === undefined ? [] : [init.mount])];
  const mounts = [...files, ...placed.mounts, ...options.mounts];
  if (!options.isReadOnly) {
    const targets = new MountTargets(root);
    for (const target of standard) targets.add(target, 'directory');
    for (const { destination } of files) targets.add(destination, 'file');
  }
  const spec = containerSpec({ ...options, mounts }, surroundings);
  const { rootfsPropagation } = placed;
  const linux = { ...spec.linux, ...(rootfsPropagation && { rootfsPropagation }) };
  writeFileSync(folder.file('config.json'), JSON.stringify({ ...spec, linux }), { mode: 0o600 });
  return options.user;
}

/** Who runs in it, by what its root filesystem says. @throws {UserNotFoundError} */
export function processUser(text: string, groups: readonly string[], root: string): ProcessUser {
  const texts = textsOf(root);
  const user = findUser(text, texts);
  const added = groups.map((group) => findUser(`0:${group}`, texts).gid);
  // With its own group among the others, as with docker: or a program that drops that could open what is kept from the
  // group. CVE-2022-36109.
  return { ...user, groups: [...new Set([user.gid, ...user.groups, ...added])] };
}

/** Not where its first process is not the first of its process namespace: there it could not reap. */
function initOf({ hostConfig }: ContainerRecord, { shared }: BundleParts): InitProgram | undefined {
  return hostConfig.Init === true && shared.pid === undefined ? initProgram() : undefined;
}

function optionsOf(
  record: ContainerRecord,
  parts: BundleParts,
  init: InitProgram | undefined,
): ContainerOptions {
  const { config, hostConfig } = record;
  const { folder, root, surroundings, shared } = parts;
  const args = commandLine(config);
  if (args.length === 0) throw new InvalidContainerError('no command specified');
  const [height, width] = hostConfig.ConsoleSize ?? [0, 0];
  const limits = limitsOf(record, parts);
  return {
    rootfs: parts.ids === undefined ? folder.file('root') : REACHABLE_ROOT,
    ...(parts.ids && { ids: parts.ids }),
    args: init === undefined ? args : init.args(args),
    env: environmentOf(record, parts.networks),
    cwd: config.WorkingDir || '/',
    user: processUser(config.User ?? '', hostConfig.GroupAdd ?? [], root),
    hostname: shared.uts === 'host' ? '' : hostnameIn(record, parts.networks),
    ...(config.Domainname && { domainname: config.Domainname }),
    terminal: config.Tty === true,
    ...(height > 0 && width > 0 && { consoleSize: { height, width } }),
    network: parts.networks.network,
    shared,
    privileged: hostConfig.Privileged === true,
    mounts: limits.additions.mounts,
    ...(surroundings.cgroups !== 'none' && {
      cgroupsPath: cgroupPathOf(record, surroundings),
    }),
    showsCgroups: true,
    ownCgroupNamespace: cgroupNamespaceOf(hostConfig, surroundings) === 'private',
    annotations: hostConfig.Annotations ?? {},
    isReadOnly: hostConfig.ReadonlyRootfs === true,
    capabilities: {
      add: capabilityNames(hostConfig.CapAdd ?? []),
      drop: capabilityNames(hostConfig.CapDrop ?? []),
    },
    ...securityOptions(hostConfig.SecurityOpt ?? []),
    ...limits,
  };
}

function limitsOf(
  { hostConfig }: ContainerRecord,
  { surroundings, networks, shared, ids, onNotice }: BundleParts,
) {
  const mayRaise = surroundings.ids === 'machine' && surroundings.capabilities.has('CAP_SYS_RESOURCE');
  const oomScoreAdj = oomScoreOf(hostConfig, { mayRaise });
  const shmBytes = shmBytesOf(hostConfig);
  const ofMachine = new Set(
    (['ipc', 'uts'] as const)
      .filter((kind) => shared[kind] === 'host')
      .map((kind): 'ipc' | 'network' | 'uts' => kind),
  );
  if (networks.network === 'host') ofMachine.add('network');
  return {
    rlimits: rlimitsOf(hostConfig, { mayRaise, onNotice }),
    resources: resourcesOf(hostConfig, cgroupSupport(surroundings)),
    additions: devicesOf(hostConfig, ids === undefined ? surroundings : { ids: 'range' }),
    sysctl: sysctlsOf(hostConfig, ofMachine),
    ...(oomScoreAdj !== undefined && { oomScoreAdj }),
    ...(shmBytes !== undefined && { shmBytes }),
  };
}

/** What is asked for of protection is known here: nothing is to be believed in force that is not. @throws {InvalidContainerError} */
export function expectProtection({ CapAdd, CapDrop, SecurityOpt }: ContainerRecord['hostConfig']): void {
  capabilityNames(CapAdd ?? []);
  capabilityNames(CapDrop ?? []);
  securityOptions(SecurityOpt ?? []);
}

/** `cap_net_admin`, `NET_ADMIN` and `all`, as the kernel calls them. */
function capabilityNames(names: readonly string[]): string[] {
  return names.map((name) => {
    const upper = name.toUpperCase();
    const full = upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (full === 'ALL' || ALL_CAPABILITIES.includes(full)) return full;
    throw new InvalidContainerError(`invalid capability: unknown capability ${JSON.stringify(name)}`);
  });
}

type Security = Pick<ContainerOptions, 'noNewPrivileges' | 'seccomp' | 'showsAllPaths'>;

/** @throws {InvalidContainerError} one that nobody knows: it is not to be believed in force. */
function securityOptions(options: readonly string[]): Security {
  return Object.assign({}, ...options.map(securityOption)) as Security;
}

function securityOption(option: string): Security {
  const [, name = option, value = ''] = /^([a-z-]+)[=:](.*)$/s.exec(option) ?? [];
  if (name === 'no-new-privileges') return { noNewPrivileges: value !== 'false' };
  if (name === 'systempaths' && value === 'unconfined') return { showsAllPaths: true };
  if (name === 'seccomp' && value === 'unconfined') return { seccomp: 'unconfined' };
  if (name === 'seccomp' && value === 'builtin') return {};
  if (name === 'seccomp') return { seccomp: parseSeccompProfile(value) };
  // This machine's kernel may have neither: then there is nothing to turn off.
  if (name === 'apparmor' && value === 'unconfined') return {};
  if (name === 'label' && value === 'disable') return {};
  throw new InvalidContainerError(`invalid --security-opt: ${JSON.stringify(option)} is not known here`);
}

/** In docker's order; PATH and HOME are added where nobody says otherwise. */
function environmentOf(record: ContainerRecord, networks: NetworkParts): string[] {
  const own = record.config.Env ?? [];
  const has = (name: string) => own.some((pair) => pair === name || pair.startsWith(`${name}=`));
  const terminal = record.config.Tty === true && !has('TERM') ? ['TERM=xterm'] : [];
  const host = has('HOSTNAME') ? [] : [`HOSTNAME=${hostnameIn(record, networks)}`];
  return [...host, ...terminal, ...networks.env, ...own.filter((pair) => pair.includes('='))];
}

function hostnameIn(record: ContainerRecord, { hostname }: NetworkParts): string {
  return hostname ?? hostnameOf(record);
}

function networkFiles(record: ContainerRecord, { folder, networks, ids }: BundleParts): SpecMount[] {
  const name = hostnameIn(record, networks);
  const extra = record.hostConfig.ExtraHosts ?? [];
  const isHost = networks.network === 'host';
  const files = [
    ['hostname', `${name}\n`],
    ['hosts', networks.files?.hosts ?? hostsFile(isHost ? '' : name, extra)],
    ['resolv.conf', networks.files?.resolvConf ?? resolvConf(isHost ? 'host' : 'none')],
  ] as const;
  return files.map(([file, text]) => {
    const destination = `/etc/${file}`;
    writeFileSync(folder.file(file), text);
    chmodSync(folder.file(file), 0o644);
    const source = ids === undefined ? folder.file(file) : shownFile(folder, file);
    return { destination, type: 'bind', source, options: ['rbind', 'rprivate', 'rw'] };
  });
}
