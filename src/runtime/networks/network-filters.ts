import { findAge } from '../../spelling/index.js';
import { FilterError, type Filters, type FilterTable, filterOf, hasLabel, parseBoolean } from '../filters.js';
import { isPredefined, type Network } from './network.js';

/** A network, and whether a container is in it. */
export type NetworkUse = Readonly<{ network: Network; isUsed: boolean }>;

/** For lists: several values of one key mean any of them, labels all. */
const OF_LISTS: FilterTable<NetworkUse> = {
  dangling: (values) => {
    const wanted = values.map((value) => parseBoolean('dangling', value));
    return ({ network, isUsed }) => wanted.includes(!isUsed && !isPredefined(network.name));
  },
  driver: (values) => (use) => values.includes(use.network.driver),
  id: (values) => (use) => values.some((value) => use.network.id.startsWith(value)),
  label: (values) => (use) => values.every((value) => hasLabel(use.network.labels, value)),
  name: (values) => (use) => values.some((value) => use.network.name.includes(value)),
  scope: (values) => {
    const unknown = values.find((value) => !['local', 'global', 'swarm'].includes(value));
    if (unknown !== undefined) throw new FilterError(`invalid filter 'scope=${unknown}'`);
    return () => values.includes('local');
  },
  type: (values) => {
    const unknown = values.find((value) => value !== 'custom' && value !== 'builtin');
    if (unknown !== undefined)
      throw new FilterError(`invalid filter 'type=${unknown}': it is custom or builtin`);
    return ({ network }) => values.includes(isPredefined(network.name) ? 'builtin' : 'custom');
  },
};

/** For prune, which takes only what no container is in and what is not always there. */
const ofPrune = (now: Date): FilterTable<NetworkUse> => ({
  label: (values) => (use) => values.every((value) => hasLabel(use.network.labels, value)),
  'label!': (values) => (use) => !values.some((value) => hasLabel(use.network.labels, value)),
  until: (values) => {
    const limits = values.map((value) => parseTime(value, now));
    return ({ network }) => limits.every((limit) => Date.parse(network.createdAt) < limit);
  },
});

/** @throws {FilterError} a key or a value that there is not. */
export function networkListFilter(filters: Filters): (use: NetworkUse) => boolean {
  return filterOf(OF_LISTS, filters);
}

/** @throws {FilterError} a key or a value that there is not. */
export function networkPruneFilter(filters: Filters, now: Date): (use: NetworkUse) => boolean {
  const accepts = filterOf(ofPrune(now), filters);
  return (use) => !use.isUsed && !isPredefined(use.network.name) && accepts(use);
}

/** A time, a number of seconds since 1970, or an age such as 1h30m. @returns milliseconds since 1970. */
function parseTime(text: string, now: Date): number {
  const age = findAge(text);
  if (age !== undefined) return now.getTime() - age;
  const time = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time))
    throw new FilterError(`invalid filter 'until=${text}': write a time, or an age as in 24h`);
  return time;
}
