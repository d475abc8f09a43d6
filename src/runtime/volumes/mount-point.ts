import type { BindRecursion } from './mount-request.js';
import { LOCAL_DRIVER } from './volume.js';

type Place = Readonly<{
  /** Absolute, as asked for: in the image it may lead over symbolic links. */
  destination: string;
  readOnly: boolean;
  /** As docker shows it. */
  mode: string;
}>;

export type BindPoint = Place &
  Readonly<{
    type: 'bind';
    source: string;
    propagation: string;
    makesSource: boolean;
    recursion: BindRecursion;
  }>;
export type VolumePoint = Place &
  Readonly<{ type: 'volume'; name: string; source: string; copiesUp: boolean; subpath: string }>;
export type TmpfsPoint = Place &
  Readonly<{
    type: 'tmpfs';
    options: string;
    /** Of HostConfig.Tmpfs, which docker does not show among the mounts. */
    isHidden: boolean;
  }>;

/** What a container has mounted, kept with it. Plain JSON. */
export type MountPoint = BindPoint | VolumePoint | TmpfsPoint;

/** As lists of containers name it: the volume's name, or what is mounted. */
export function nameOfMount(point: MountPoint): string {
  if (point.type === 'volume') return point.name;
  return point.type === 'bind' ? point.source : '';
}

/** `Mounts` as docker's inspect shows them. */
export function inspectMounts(points: readonly MountPoint[]) {
  return points.flatMap((point) => (point.type === 'tmpfs' && point.isHidden ? [] : [inspectMount(point)]));
}

function inspectMount(point: MountPoint) {
  const { type, destination, mode, readOnly } = point;
  const isVolume = type === 'volume';
  return {
    Type: type,
    ...(isVolume && { Name: point.name }),
    Source: type === 'tmpfs' ? '' : point.source,
    Destination: destination,
    ...(isVolume && { Driver: LOCAL_DRIVER }),
    Mode: mode,
    RW: !readOnly,
    Propagation: type === 'bind' ? point.propagation : '',
  };
}
