import { isAbsolute, normalize } from 'node:path/posix';
import { findMountMode, PROPAGATIONS, parseMountMode } from './mount-mode.js';
import { tmpfsOptionsOf } from './tmpfs-options.js';
import { InvalidMountError } from './volume-errors.js';

/** One of HostConfig.Mounts, in the members of the Engine API. */
export type MountConfig = Readonly<{
  Type?: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: Readonly<{
    Propagation?: string;
    NonRecursive?: boolean;
    CreateMountpoint?: boolean;
    ReadOnlyNonRecursive?: boolean;
    ReadOnlyForceRecursive?: boolean;
  }> | null;
  VolumeOptions?: Readonly<{
    NoCopy?: boolean;
    Labels?: Readonly<Record<string, string>> | null;
    DriverConfig?: Readonly<{ Name?: string; Options?: Readonly<Record<string, string>> | null }> | null;
    Subpath?: string;
  }> | null;
  TmpfsOptions?: Readonly<{
    SizeBytes?: number;
    Mode?: number;
    Options?: readonly (readonly string[])[];
  }> | null;
}>;

type Place = Readonly<{ destination: string; readOnly: boolean; mode: string }>;

/** What is asked to be mounted, checked: a directory or file of the machine, a volume, or memory. */
export type MountRequest =
  | (Place &
      Readonly<{
        type: 'bind';
        source: string;
        propagation: string;
        /** A missing directory is made: so it is for -v, while --mount refuses. */
        makesSource: boolean;
        recursion: BindRecursion;
        relabels: boolean;
      }>)
  | (Place &
      Readonly<{
        type: 'volume';
        /** '' for an anonymous one. */
        name: string;
        driver: string;
        driverOptions: Readonly<Record<string, string>>;
        labels: Readonly<Record<string, string>>;
        copiesUp: boolean;
        subpath: string;
      }>)
  | (Place & Readonly<{ type: 'tmpfs'; options: string }>);

/** Whether mounts within the source come along, and are read-only too. */
export type BindRecursion = 'all' | 'none' | 'writable-within';

/** `[SOURCE:]TARGET[:MODE]`, as HostConfig.Binds and `-v` have it. @throws {InvalidMountError} with docker's words. */
export function parseBind(text: string): MountRequest {
  try {
    return bindRequest(text);
  } catch (error) {
    throw new InvalidMountError(`invalid volume specification: '${text}': ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function bindRequest(text: string): MountRequest {
  const parts = text.split(':');
  const [first = '', second, mode = ''] = parts;
  if (first === '' || parts.length > 3) throw invalid('it is SOURCE:TARGET[:MODE]');
  if (parts.length === 2 && findMountMode(second ?? '')) throw invalid('a mode needs a source and a target');
  const { readOnly, propagation, noCopy, relabels } = parseMountMode(mode);
  const [source, target] = second === undefined ? ['', first] : [first, second];
  const place = { destination: expectTarget(target), readOnly, mode };
  if (isAbsolute(source)) {
    const own = propagation === '' ? 'rprivate' : propagation;
    return {
      ...place,
      type: 'bind',
      source: cleanPath(source),
      propagation: own,
      makesSource: true,
      recursion: 'all',
      relabels,
    };
  }
  const copiesUp = !noCopy;
  return {
    ...place,
    type: 'volume',
    name: source,
    driver: '',
    driverOptions: {},
    labels: {},
    copiesUp,
    subpath: '',
  };
}

/** @throws {InvalidMountError} with docker's words. */
export function parseMountConfig(config: MountConfig): MountRequest {
  try {
    return mountRequest(config);
  } catch (error) {
    throw new InvalidMountError(
      `invalid mount config for type ${JSON.stringify(config.Type ?? '')}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function mountRequest(config: MountConfig): MountRequest {
  const { Type, Source = '', ReadOnly: readOnly = false, Target = '' } = config;
  if (Target === '') throw invalid('field Target must not be empty');
  const place = { destination: expectTarget(Target), readOnly, mode: '' };
  switch (Type) {
    case 'bind':
      return { ...place, type: 'bind', ...bindOf(config) };
    case 'volume':
      return { ...place, type: 'volume', ...volumeOf(config) };
    case 'tmpfs':
      forbid(config, ['BindOptions', 'VolumeOptions']);
      if (Source !== '') throw invalid('field Source must not be specified');
      return { ...place, type: 'tmpfs', options: tmpfsOptionsOf(config.TmpfsOptions ?? {}, readOnly) };
    default:
      throw invalid('mount type unknown: there are bind, volume and tmpfs');
  }
}

function bindOf(config: MountConfig) {
  forbid(config, ['VolumeOptions', 'TmpfsOptions']);
  const { Source = '', ReadOnly = false, BindOptions } = config;
  if (Source === '') throw invalid('field Source must not be empty');
  if (!isAbsolute(Source)) throw invalid(`invalid mount path: '${Source}' mount path must be absolute`);
  const propagation = BindOptions?.Propagation || 'rprivate';
  if (!(PROPAGATIONS as readonly string[]).includes(propagation))
    throw invalid(`invalid propagation mode: ${propagation}`);
  if (!ReadOnly && (BindOptions?.ReadOnlyNonRecursive || BindOptions?.ReadOnlyForceRecursive))
    throw invalid('mount must be set ReadOnly for its recursion to be chosen');
  return {
    source: cleanPath(Source),
    propagation,
    makesSource: BindOptions?.CreateMountpoint === true,
    recursion: recursionOf(BindOptions ?? {}),
    relabels: false,
  };
}

function recursionOf({
  NonRecursive,
  ReadOnlyNonRecursive,
}: NonNullable<MountConfig['BindOptions']>): BindRecursion {
  if (NonRecursive === true) return 'none';
  return ReadOnlyNonRecursive === true ? 'writable-within' : 'all';
}

function volumeOf(config: MountConfig) {
  forbid(config, ['BindOptions', 'TmpfsOptions']);
  const { Source: name = '', ReadOnly = false, VolumeOptions } = config;
  const subpath = VolumeOptions?.Subpath ?? '';
  if (name === '' && ReadOnly) throw invalid('must not set ReadOnly mode when using anonymous volumes');
  if (subpath !== '' && name === '') throw invalid('must not set Subpath when using anonymous volumes');
  if (isAbsolute(subpath) || subpath.split('/').includes('..'))
    throw invalid('subpath must be a relative path within the volume');
  return {
    name,
    driver: VolumeOptions?.DriverConfig?.Name ?? '',
    driverOptions: VolumeOptions?.DriverConfig?.Options ?? {},
    labels: VolumeOptions?.Labels ?? {},
    copiesUp: VolumeOptions?.NoCopy !== true,
    subpath,
  };
}

/** Of Config.Volumes: what the image and `-v TARGET` ask for. @throws {InvalidMountError} */
export function parseVolumeTarget(target: string): string {
  return expectTarget(target);
}

function expectTarget(target: string): string {
  if (!isAbsolute(target)) throw invalid(`invalid mount path: '${target}' mount path must be absolute`);
  const clean = cleanPath(target);
  if (clean === '/') throw invalid("invalid specification: destination can't be '/'");
  return clean;
}

function forbid(
  config: MountConfig,
  names: readonly ('BindOptions' | 'VolumeOptions' | 'TmpfsOptions')[],
): void {
  for (const name of names) {
    if (config[name] != null) throw invalid(`field ${name} must not be specified`);
  }
}

function cleanPath(path: string): string {
  return normalize(path).replace(/(.)\/$/, '$1');
}

function invalid(message: string): InvalidMountError {
  return new InvalidMountError(message);
}
