import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunDevices } from '../../layer/index.js';
import { RuntimeError } from '../errors.js';
import { type ContainerEdits, readSpecFile, type SpecFile } from './spec-file.js';

/** Where vendors put files, and where those go that are made at each start, which count more. */
const DIRECTORIES = ['/etc/cdi', '/var/run/cdi'];
/** BuildKit's: a device that every build may have. */
const AUTO_ALLOW = 'org.mobyproject.buildkit.device.autoallow';

type Device = Readonly<{
  /** `vendor.com/class=name` */
  name: string;
  kind: string;
  path: string;
  spec: SpecFile;
  edits: ContainerEdits;
  isAlwaysAllowed: boolean;
}>;

type Found = Readonly<{ devices: ReadonlyMap<string, Device>; problems: readonly string[] }>;

/**
 * What the devices that a step asks for do to its container: for each file with such a device what holds for all of
 * it, and for each device its own.
 * @param onMissing told of devices that are not here, and need not be.
 * @throws {RuntimeError} a device is missing, or may not be had.
 */
export function editsFor(
  { wanted, allowed, directories }: RunDevices,
  onMissing: (name: string) => void,
): ContainerEdits[] {
  const found = findDevices(directories.length > 0 ? directories : DIRECTORIES);
  const chosen = new Map<string, Device>();
  for (const { name, required } of wanted) {
    const devices = matching(found, name);
    if (devices.length === 0 && required) throw missing(name, found);
    if (devices.length === 0) onMissing(name);
    for (const device of devices) {
      if (!isAllowed(device, name, allowed))
        throw new RuntimeError(`RUN --device=${name} has to be allowed: build with --allow device=${name}`);
      chosen.set(device.name, device);
    }
  }
  const files = new Set([...chosen.values()].map(({ spec }) => spec));
  const common = [...files].flatMap(({ containerEdits }) => (containerEdits ? [containerEdits] : []));
  return [...common, ...[...chosen.values()].map(({ edits }) => edits)];
}

/** All devices by name. Of one name in several directories the last one counts; a file that is broken is set aside. */
function findDevices(directories: readonly string[]): Found {
  const devices = new Map<string, Device>();
  const problems: string[] = [];
  for (const directory of directories) {
    const own = new Map<string, Device>();
    for (const path of filesIn(directory)) {
      try {
        for (const device of devicesIn(path)) {
          const other = own.get(device.name);
          if (other !== undefined) problems.push(`${device.name} is in ${other.path} and ${path}`);
          own.set(device.name, device);
        }
      } catch (error) {
        problems.push(`${path}: ${(error as Error).message}`);
      }
    }
    for (const [name, device] of own) devices.set(name, device);
  }
  return { devices, problems };
}

function devicesIn(path: string): Device[] {
  const spec = readSpecFile(path);
  return spec.devices.map(({ name, annotations, containerEdits }) => ({
    name: `${spec.kind}=${name}`,
    kind: spec.kind,
    path,
    spec,
    edits: containerEdits,
    isAlwaysAllowed: (annotations?.[AUTO_ALLOW] ?? spec.annotations?.[AUTO_ALLOW]) === 'true',
  }));
}

function filesIn(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => /\.(json|ya?ml)$/.test(name));
    return names.sort().map((name) => join(directory, name));
  } catch {
    return []; // most machines have none
  }
}

/** A whole name is that device; a kind alone its first, and `kind=*` all of it. */
function matching({ devices }: Found, name: string): Device[] {
  const exact = devices.get(name);
  if (exact !== undefined) return [exact];
  const [kind, which] = name.split('=');
  const ofKind = [...devices.values()].filter((device) => device.kind === kind);
  if (which === '*') return ofKind;
  return which === undefined || which === '' ? ofKind.slice(0, 1) : [];
}

function isAllowed(
  { name, kind, isAlwaysAllowed }: Device,
  asked: string,
  allowed: RunDevices['allowed'],
): boolean {
  if (isAlwaysAllowed || allowed === 'all') return true;
  return [name, kind, `${kind}=*`, asked].some((one) => allowed.includes(one));
}

function missing(name: string, { devices, problems }: Found): RuntimeError {
  const known = devices.size === 0 ? 'there is none' : `there are ${[...devices.keys()].join(', ')}`;
  const broken = problems.length === 0 ? '' : `; passed over: ${problems.join('; ')}`;
  return new RuntimeError(`this machine has no device ${name}: ${known}${broken}`);
}
