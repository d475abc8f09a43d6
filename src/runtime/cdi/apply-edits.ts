import { lstatSync, statSync } from 'node:fs';
import { deviceNumbers } from '../../linux/index.js';
import { RuntimeError } from '../errors.js';
import type { SpecMount, Surroundings } from '../spec.js';
import type { ContainerEdits, DeviceNode, Hook } from './spec-file.js';

/** runtime-spec config-linux.md, "Devices" and "Allowed Device List". */
export type SpecDevice = Readonly<{
  path: string;
  type: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}>;
export type DeviceRule = Readonly<{
  allow: true;
  type: string;
  major?: number;
  minor?: number;
  access: string;
}>;
/** By their names. runtime-spec config.md, "POSIX-platform Hooks". */
export type SpecHooks = Readonly<Record<string, readonly Omit<Hook, 'hookName'>[]>>;

/** What devices add to a container. */
export type DeviceAdditions = Readonly<{
  env: readonly string[];
  groups: readonly number[];
  devices: readonly SpecDevice[];
  rules: readonly DeviceRule[];
  mounts: readonly SpecMount[];
  hooks: SpecHooks;
}>;

/** Those that every container has: runtime-spec config-linux.md, "Default Devices". The runtime makes them after all mounts. */
const DEFAULT_DEVICES: ReadonlySet<string> = new Set(
  ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`),
);

/** @throws {RuntimeError} a device that is not there. */
export function additionsOf(
  edits: readonly ContainerEdits[],
  { ids }: Pick<Surroundings, 'ids'>,
): DeviceAdditions {
  const nodes = edits.flatMap(({ deviceNodes = [] }) => deviceNodes);
  // Who is root of a user namespace only cannot make devices, but may show those that there are.
  const isOwner = ids === 'machine';
  return {
    env: edits.flatMap(({ env = [] }) => env),
    groups: edits.flatMap(({ additionalGids = [] }) => additionalGids).filter((gid) => gid !== 0),
    devices: isOwner ? nodes.map(deviceOf) : [],
    rules: nodes.map(ruleOf),
    mounts: [
      ...(isOwner ? [] : nodes.filter(({ path }) => !DEFAULT_DEVICES.has(path)).map(bindOf)),
      ...edits.flatMap(mountsOf),
    ],
    hooks: hooksOf(edits),
  };
}

/** @throws {RuntimeError} there is no such device. */
function deviceOf(node: DeviceNode): SpecDevice {
  const { path, fileMode, uid, gid } = node;
  const { type, major, minor, mode } = identityOf(node);
  return {
    path,
    type,
    ...(type !== 'p' && { major, minor }),
    fileMode: fileMode ?? mode,
    uid: uid ?? 0,
    gid: gid ?? 0,
  };
}

function ruleOf(node: DeviceNode): DeviceRule {
  const { type, major, minor } = identityOf(node);
  return { allow: true, type, ...(type !== 'p' && { major, minor }), access: node.permissions || 'rwm' };
}

/** Numbers and type where the file does not say them. */
function identityOf({ path, hostPath = path, type, major, minor }: DeviceNode) {
  if (type !== undefined && (type === 'p' || (major !== undefined && minor !== undefined)))
    return { type, major: major ?? 0, minor: minor ?? 0, mode: 0o666 };
  const stats = statSync(hostPath, { throwIfNoEntry: false });
  const found = stats?.isCharacterDevice()
    ? 'c'
    : stats?.isBlockDevice()
      ? 'b'
      : stats?.isFIFO()
        ? 'p'
        : undefined;
  if (stats === undefined || found === undefined)
    throw new RuntimeError(`the device ${hostPath} is not there: is its driver loaded?`);
  return { type: found, ...deviceNumbers(stats.rdev), mode: stats.mode & 0o777 };
}

function bindOf({ path, hostPath = path }: DeviceNode): SpecMount {
  return {
    destination: path,
    type: 'bind',
    source: hostPath,
    options: ['bind', 'rprivate', 'nosuid', 'noexec'],
  };
}

function mountsOf({ mounts = [] }: ContainerEdits): SpecMount[] {
  return mounts.map(
    ({ hostPath, containerPath, type, options = ['rbind', 'rprivate', 'ro', 'nosuid', 'nodev'] }) => {
      const isBind = type === undefined || type === '' || type === 'bind';
      const hasBind = options.some((option) => option === 'bind' || option === 'rbind');
      return {
        destination: containerPath,
        type: isBind ? 'bind' : type,
        source: hostPath,
        options: isBind && !hasBind ? ['rbind', ...options] : options,
      };
    },
  );
}

/** Whether the place of a mount is a directory. */
export function kindOf({ type, source }: SpecMount): 'file' | 'directory' {
  if (type !== 'bind') return 'directory';
  const stats = lstatSync(source, { throwIfNoEntry: false });
  if (stats === undefined) throw new RuntimeError(`a device needs ${source}, which is not there`);
  return statSync(source).isDirectory() ? 'directory' : 'file';
}

function hooksOf(edits: readonly ContainerEdits[]): SpecHooks {
  const hooks: Record<string, Omit<Hook, 'hookName'>[]> = {};
  for (const { hookName, ...hook } of edits.flatMap(({ hooks: own = [] }) => own)) {
    hooks[hookName] = [...(hooks[hookName] ?? []), hook];
  }
  return hooks;
}
