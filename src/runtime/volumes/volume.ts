import { randomBytes } from 'node:crypto';
import { InvalidVolumeError } from './volume-errors.js';

/** A directory that outlives containers. */
export type Volume = Readonly<{
  name: string;
  /** RFC 3339. */
  createdAt: string;
  labels: Readonly<Record<string, string>>;
  /** Of the local driver, as given: see volume-options.ts. */
  options: Readonly<Record<string, string>>;
  /** The directory that containers see. */
  mountpoint: string;
}>;

/** Whether it is a directory of the machine, in another place: `-o type=none -o o=bind -o device=/srv`. */
export function isOfMachine({ options: { type, o = '' } }: Volume): boolean {
  return type === 'none' || type === 'bind' || /(?:^|,)r?bind(?:,|$)/.test(o);
}

/** The body of POST /volumes/create. */
export type VolumeRequest = Readonly<{
  /** None or an empty one makes an anonymous volume. */
  Name?: string;
  Driver?: string;
  DriverOpts?: Readonly<Record<string, string>> | null;
  Labels?: Readonly<Record<string, string>> | null;
}>;

/** Docker's JSON of a volume. */
export type VolumeInspect = ReturnType<typeof inspectVolume>;

/** The only driver there is. */
export const LOCAL_DRIVER = 'local';
/** What docker labels volumes with that nobody gave a name. */
const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

const ALLOWED = '[a-zA-Z0-9][a-zA-Z0-9_.-]';
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** Of a file's name. */
const MAX_NAME_CHARACTERS = 255;

/** Docker's rule for names. @throws {InvalidVolumeError} */
export function expectVolumeName(name: string): void {
  if (name.length === 1)
    throw new InvalidVolumeError(
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  if (name.length > MAX_NAME_CHARACTERS)
    throw new InvalidVolumeError(
      `create ${name}: volume name is longer than ${MAX_NAME_CHARACTERS} characters`,
    );
  if (NAME.test(name)) return;
  throw new InvalidVolumeError(
    `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only ` +
      `"${ALLOWED}" are allowed. If you intended to pass a host directory, use absolute path`,
  );
}

/** Of volumes that nobody has named. */
export function isAnonymousName(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** The request for a volume that nobody has named. */
export function anonymousVolume(request: VolumeRequest = {}): VolumeRequest & { Name: string } {
  return {
    ...request,
    Name: randomBytes(32).toString('hex'),
    Labels: { ...request.Labels, [ANONYMOUS_LABEL]: '' },
  };
}

export function isAnonymous({ labels }: Volume): boolean {
  return ANONYMOUS_LABEL in labels;
}

/** What docker shows. */
export function inspectVolume({ name, createdAt, labels, options, mountpoint }: Volume) {
  return {
    CreatedAt: createdAt,
    Driver: LOCAL_DRIVER,
    Labels: nullIfEmpty(labels),
    Mountpoint: mountpoint,
    Name: name,
    Options: nullIfEmpty(options),
    Scope: 'local',
  };
}

function nullIfEmpty(map: Readonly<Record<string, string>>): Readonly<Record<string, string>> | null {
  return Object.keys(map).length === 0 ? null : map;
}
