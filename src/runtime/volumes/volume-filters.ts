import { isAnonymous, LOCAL_DRIVER, type Volume } from './volume.js';
import { InvalidVolumeError } from './volume-errors.js';

/** By key, as the Engine API has them: `{ label: ['a=b'], dangling: ['true'] }`. */
export type VolumeFilters = Readonly<Record<string, readonly string[]>>;

/** A volume, and whether a container has it. */
export type VolumeUse = Readonly<{ volume: Volume; isUsed: boolean }>;

type Test = (use: VolumeUse) => boolean;

/** For lists: several values of one key mean any of them, labels all. */
const OF_LISTS: Readonly<Record<string, (values: readonly string[]) => Test>> = {
  dangling: (values) => {
    const wanted = values.map((value) => parseBoolean('dangling', value));
    return ({ isUsed }) => wanted.includes(!isUsed);
  },
  driver: (values) => () => values.includes(LOCAL_DRIVER),
  label: (values) => (use) => values.every((value) => hasLabel(use, value)),
  name: (values) => (use) => values.some((value) => use.volume.name.includes(value)),
};

/** For prune, which takes only what no container has. */
const OF_PRUNE: Readonly<Record<string, (values: readonly string[]) => Test>> = {
  all: (values) => {
    const all = values.some((value) => parseBoolean('all', value));
    return ({ volume }) => all || isAnonymous(volume);
  },
  label: (values) => (use) => values.every((value) => hasLabel(use, value)),
  'label!': (values) => (use) => !values.some((value) => hasLabel(use, value)),
};

/** @throws {InvalidVolumeError} a key or a value that there is not. */
export function listFilter(filters: VolumeFilters): Test {
  return filterOf(OF_LISTS, filters);
}

/** Without `all` only anonymous volumes. @throws {InvalidVolumeError} a key or a value that there is not. */
export function pruneFilter(filters: VolumeFilters): Test {
  const accepts = filterOf(OF_PRUNE, { all: ['false'], ...filters });
  return (use) => !use.isUsed && accepts(use);
}

function filterOf(table: typeof OF_LISTS, filters: VolumeFilters): Test {
  const tests = Object.entries(filters)
    .filter(([, values]) => values.length > 0)
    .map(([key, values]) => {
      const make = Object.hasOwn(table, key) ? table[key] : undefined;
      if (make === undefined)
        throw new InvalidVolumeError(`invalid filter '${key}': there are ${Object.keys(table).join(', ')}`);
      return make(values);
    });
  return (use) => tests.every((test) => test(use));
}

function hasLabel({ volume }: VolumeUse, text: string): boolean {
  const equals = text.indexOf('=');
  const value = volume.labels[equals < 0 ? text : text.slice(0, equals)];
  return value !== undefined && (equals < 0 || value === text.slice(equals + 1));
}

/** As Go reads them. */
function parseBoolean(key: string, value: string): boolean {
  if (/^(true|TRUE|True|t|T|1)$/.test(value)) return true;
  if (/^(false|FALSE|False|f|F|0)$/.test(value)) return false;
  throw new InvalidVolumeError(`invalid filter '${key}=${value}': it is true or false`);
}
