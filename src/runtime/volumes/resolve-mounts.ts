import { parseMountMode } from './mount-mode.js';
import type { MountPoint } from './mount-point.js';
import {
  type MountConfig,
  type MountRequest,
  parseBind,
  parseMountConfig,
  parseVolumeTarget,
} from './mount-request.js';
import { tmpfsMountOptions } from './tmpfs-options.js';
import { anonymousVolume } from './volume.js';
import { InvalidMountError } from './volume-errors.js';
import type { Volumes } from './volumes.js';

/** What of HostConfig is about mounts. */
export type MountsHostConfig = Readonly<{
  Binds?: readonly string[] | null;
  Mounts?: readonly MountConfig[] | null;
  Tmpfs?: Readonly<Record<string, string>> | null;
  VolumesFrom?: readonly string[] | null;
  VolumeDriver?: string;
}>;

export type WantedMounts = Readonly<{
  /** Its id: it holds the volumes. */
  container: string;
  hostConfig: MountsHostConfig;
  /** Config.Volumes, with those of the image: an anonymous volume each, where nothing else is mounted. */
  volumes?: Readonly<Record<string, object>> | null | undefined;
  /** What another container has. @throws there is none. */
  mountsOf: (container: string) => readonly MountPoint[];
  /** Words to a person: about what is accepted, but does nothing. */
  onNotice?: (text: string) => void;
}>;

/**
 * What a new container has mounted, with docker's precedence: --tmpfs, then --mount and -v, then --volumes-from, then the
 * image's volumes. Volumes that there are not yet are made and all are held, or nothing is.
 * @throws {InvalidMountError} with docker's words. @throws {InvalidVolumeError}
 */
export function resolveMounts(wanted: WantedMounts, volumes: Volumes): MountPoint[] {
  const { hostConfig } = wanted;
  const requests = [
    ...(hostConfig.Binds ?? []).map(parseBind),
    ...(hostConfig.Mounts ?? []).map(parseMountConfig),
  ];
  const tmpfs = Object.entries(hostConfig.Tmpfs ?? {}).map(([target, options]) =>
    tmpfsPoint(target, options),
  );
  expectNoDuplicates([...requests, ...tmpfs]);
  if (requests.some((request) => request.type === 'bind' && request.relabels))
    wanted.onNotice?.('z and Z are ignored: files are not labelled for SELinux here');
  const images = Object.keys(wanted.volumes ?? {}).map(parseVolumeTarget);
  return volumes.transaction(() => {
    const points = new Map<string, MountPoint>();
    const add = (point: MountPoint) => {
      points.delete(point.destination);
      points.set(point.destination, point);
    };
    for (const spec of hostConfig.VolumesFrom ?? []) volumesFrom(spec, wanted).forEach(add);
    for (const request of requests) add(pointOf(request, wanted, volumes));
    tmpfs.forEach(add);
    for (const destination of images) {
      if (!points.has(destination)) add(imageVolume(destination, wanted, volumes));
    }
    for (const point of points.values()) {
      if (point.type === 'volume') volumes.hold(wanted.container, point.name);
    }
    return [...points.values()];
  });
}

function expectNoDuplicates(places: readonly Readonly<{ destination: string }>[]): void {
  const seen = new Set<string>();
  for (const { destination } of places) {
    if (seen.has(destination)) throw new InvalidMountError(`Duplicate mount point: ${destination}`);
    seen.add(destination);
  }
}

function tmpfsPoint(target: string, options: string): MountPoint {
  tmpfsMountOptions(options);
  const readOnly = options.split(',').includes('ro');
  return {
    type: 'tmpfs',
    destination: parseVolumeTarget(target),
    readOnly,
    mode: '',
    options,
    isHidden: true,
  };
}

/** `CONTAINER[:MODE]`. */
function volumesFrom(spec: string, { mountsOf }: WantedMounts): MountPoint[] {
  if (spec === '') throw new InvalidMountError('volumes-from specification cannot be an empty string');
  const colon = spec.indexOf(':');
  const [container, text] = colon < 0 ? [spec, ''] : [spec.slice(0, colon), spec.slice(colon + 1)];
  const mode = parseMountMode(text);
  if (mode.propagation !== '' || mode.noCopy) throw new InvalidMountError(`invalid mode: ${text}`);
  return mountsOf(container).flatMap((point) => {
    if (point.type === 'tmpfs') return [];
    const copy = { ...point, readOnly: point.readOnly || mode.readOnly, mode: '' };
    return [copy.type === 'volume' ? { ...copy, copiesUp: false } : copy];
  });
}

function pointOf(request: MountRequest, { hostConfig }: WantedMounts, volumes: Volumes): MountPoint {
  const { destination, readOnly, mode } = request;
  switch (request.type) {
    case 'tmpfs':
      return { ...request, isHidden: false };
    case 'bind': {
      const { relabels: _, ...point } = request;
      return point;
    }
    case 'volume': {
      const { name: Name, driver, driverOptions: DriverOpts, labels: Labels, copiesUp, subpath } = request;
      const Driver = driver || hostConfig.VolumeDriver || '';
      const { name, mountpoint } = volumes.create({ Name, Driver, DriverOpts, Labels });
      // Docker's word for volumes of its own driver.
      return {
        type: 'volume',
        name,
        source: mountpoint,
        destination,
        readOnly,
        mode: mode || 'z',
        copiesUp,
        subpath,
      };
    }
  }
}

function imageVolume(destination: string, { hostConfig }: WantedMounts, volumes: Volumes): MountPoint {
  const Driver = hostConfig.VolumeDriver ?? '';
  const { name, mountpoint } = volumes.create(anonymousVolume({ Driver }));
  return {
    type: 'volume',
    name,
    source: mountpoint,
    destination,
    readOnly: false,
    mode: '',
    copiesUp: true,
    subpath: '',
  };
}
