import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { additionsOf, type DeviceAdditions, type DeviceRule } from '../cdi/apply-edits.js';
import type { Surroundings } from '../spec.js';
import { InvalidLimitError, type LimitsHostConfig } from './limit-config.js';

type DeviceNode = Readonly<{ path: string; hostPath: string; permissions: string }>;

type DevicesHostConfig = Pick<LimitsHostConfig, 'Devices' | 'DeviceCgroupRules'> &
  Readonly<{ Privileged?: boolean }>;

const RULE = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/;

/** What a container has its own of, or that is none. As docker leaves them out. */
const OWN_OF_CONTAINERS = new Set(['console', 'fd', 'mqueue', 'ptmx', 'pts', 'shm']);

/** HostConfig.Devices and DeviceCgroupRules, for the OCI spec; with `Privileged` all devices. @throws {InvalidLimitError} @throws {RuntimeError} */
export function devicesOf(
  { Devices, DeviceCgroupRules, Privileged }: DevicesHostConfig,
  surroundings: Pick<Surroundings, 'ids'>,
): DeviceAdditions {
  const deviceNodes = (Devices ?? []).flatMap(
    ({ PathOnHost, PathInContainer = '', CgroupPermissions = '' }) =>
      nodesAt(PathOnHost, PathInContainer || PathOnHost, CgroupPermissions || 'rwm'),
  );
  if (Privileged === true) {
    const asked = new Set(deviceNodes.map(({ path }) => path));
    deviceNodes.push(...machineDevices().filter(({ path }) => !asked.has(path)));
  }
  const additions = additionsOf([{ deviceNodes }], surroundings);
  return { ...additions, rules: [...additions.rules, ...(DeviceCgroupRules ?? []).map(ruleOf)] };
}

function machineDevices(): DeviceNode[] {
  return readdirSync('/dev', { withFileTypes: true })
    .filter(({ name }) => !OWN_OF_CONTAINERS.has(name) && !name.startsWith('.'))
    .filter((entry) => entry.isDirectory() || entry.isCharacterDevice() || entry.isBlockDevice())
    .flatMap(({ name }) => nodesAt(join('/dev', name), join('/dev', name), 'rwm'));
}

/** Of a directory, such as /dev/snd, all devices in it. */
function nodesAt(hostPath: string, path: string, permissions: string): DeviceNode[] {
  if (!/^[rwm]{1,3}$/.test(permissions)) throw new InvalidLimitError(`bad mode specified: ${permissions}`);
  const stats = statSync(hostPath, { throwIfNoEntry: false });
  if (stats === undefined)
    throw new InvalidLimitError(
      `error gathering device information while adding custom device "${hostPath}": no such file or directory`,
    );
  if (!stats.isDirectory()) {
    if (!stats.isCharacterDevice() && !stats.isBlockDevice())
      throw new InvalidLimitError(
        `error gathering device information while adding custom device "${hostPath}": not a device node`,
      );
    return [{ path, hostPath: realpathSync(hostPath), permissions }];
  }
  return readdirSync(hostPath, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.isCharacterDevice() || entry.isBlockDevice())
    .flatMap(({ name }) => nodesAt(join(hostPath, name), join(path, name), permissions));
}

function ruleOf(text: string): DeviceRule {
  const [, type = '', major = '', minor = '', access = ''] = RULE.exec(text) ?? [];
  if (type === '') throw new InvalidLimitError(`invalid device cgroup rule format: '${text}'`);
  return {
    allow: true,
    type,
    ...(major !== '*' && { major: Number(major) }),
    ...(minor !== '*' && { minor: Number(minor) }),
    access,
  };
}
