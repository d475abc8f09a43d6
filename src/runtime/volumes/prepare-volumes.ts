import { dirname } from 'node:path';
import type { MountPoint, VolumePoint } from './mount-point.js';
import { openBeneath } from './open-beneath.js';
import type { Volumes } from './volumes.js';

/** Where the volumes of a container are. Dispose of it once the container is created. */
export type PreparedVolumes = Disposable &
  Readonly<{
    /** @throws {TypeError} it was not prepared. */
    directoryOf: (point: VolumePoint) => string;
  }>;

/**
 * Makes the volumes of a container ready: those with options are mounted, and so are subpaths. It comes before the mount
 * namespace in which the container is made, since what is mounted later is not seen there.
 * @param container its id: it holds the volumes. @throws {RuntimeError} one cannot be mounted. @throws {InvalidMountError}
 */
export async function prepareVolumes(
  points: readonly MountPoint[],
  { container, volumes }: Readonly<{ container: string; volumes: Volumes }>,
): Promise<PreparedVolumes> {
  using opened = new DisposableStack();
  const directories = new Map<VolumePoint, string>();
  for (const point of points) {
    if (point.type !== 'volume') continue;
    const directory = await volumes.mount(container, point.name);
    const { subpath } = point;
    const place = () => opened.use(openBeneath(directory, subpath, dirname(directory))).path;
    directories.set(point, subpath === '' ? directory : place());
  }
  const kept = opened.move();
  return {
    directoryOf: (point) => {
      const directory = directories.get(point);
      if (directory === undefined) throw new TypeError(`the volume ${point.name} was not prepared`);
      return directory;
    },
    [Symbol.dispose]: () => kept.dispose(),
  };
}
