import { type Filters, type FilterTable, filterOf, hasLabel, parseBoolean } from '../filters.js';
import { isAnonymous, LOCAL_DRIVER, type Volume } from './volume.js';

/** A volume, and whether a container has it. */
export type VolumeUse = Readonly<{ volume: Volume; isUsed: boolean }>;

/** For lists: several values of one key mean any of them, labels all. */
const OF_LISTS: FilterTable<VolumeUse> = {
  dangling: (values) => {
    const wanted = values.map((value) => parseBoolean('dangling', value));
    return ({ isUsed }) => wanted.includes(!isUsed);
  },
  driver: (values) => () => values.includes(LOCAL_DRIVER),
  label: (values) => (use) => values.every((value) => hasLabel(use.volume.labels, value)),
  name: (values) => (use) => values.some((value) => use.volume.name.includes(value)),
};

/** For prune, which takes only what no container has. */
const OF_PRUNE: FilterTable<VolumeUse> = {
  all: (values) => {
    const all = values.some((value) => parseBoolean('all', value));
    return ({ volume }) => all || isAnonymous(volume);
  },
  label: (values) => (use) => values.every((value) => hasLabel(use.volume.labels, value)),
  'label!': (values) => (use) => !values.some((value) => hasLabel(use.volume.labels, value)),
};

/** @throws {FilterError} a key or a value that there is not. */
export function listFilter(filters: Filters): (use: VolumeUse) => boolean {
  return filterOf(OF_LISTS, filters);
}

/** Without `all` only anonymous volumes. @throws {FilterError} a key or a value that there is not. */
export function pruneFilter(filters: Filters): (use: VolumeUse) => boolean {
  const accepts = filterOf(OF_PRUNE, { all: ['false'], ...filters });
  return (use) => !use.isUsed && accepts(use);
}
