import { InvalidMountError } from './volume-errors.js';

/** What `-v SOURCE:TARGET:MODE` says after the second colon. */
export type MountMode = Readonly<{
  readOnly: boolean;
  /** One of docker's, or '' where none is given. */
  propagation: string;
  noCopy: boolean;
  /** `z` or `Z`: labels of SELinux, which are not changed here. */
  relabels: boolean;
}>;

export const PROPAGATIONS = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'] as const;

/** Docker takes one word of each row. */
const KINDS: readonly (readonly string[])[] = [
  ['rw', 'ro'],
  ['z', 'Z'],
  PROPAGATIONS,
  ['nocopy'],
  ['consistent', 'cached', 'delegated'], // of docker on a Mac: nothing here
];

/** @returns `undefined` for what is no mode. */
export function findMountMode(text: string): MountMode | undefined {
  const words = text === '' ? [] : text.split(',');
  const isKnown = words.every((word) => KINDS.some((kind) => kind.includes(word)));
  if (!isKnown || KINDS.some((kind) => words.filter((word) => kind.includes(word)).length > 1))
    return undefined;
  return {
    readOnly: words.includes('ro'),
    propagation: words.find((word) => (PROPAGATIONS as readonly string[]).includes(word)) ?? '',
    noCopy: words.includes('nocopy'),
    relabels: words.some((word) => word === 'z' || word === 'Z'),
  };
}

/** @throws {InvalidMountError} */
export function parseMountMode(text: string): MountMode {
  const mode = findMountMode(text);
  if (mode === undefined) throw new InvalidMountError(`invalid mode: ${text}`);
  return mode;
}
