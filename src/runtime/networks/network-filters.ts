import { isPredefined, type Network } from './network.js';
import { InvalidNetworkError } from './network-errors.js';

/** By key, as the Engine API has them: `{ label: ['a=b'], driver: ['bridge'] }`. */
export type NetworkFilters = Readonly<Record<string, readonly string[]>>;

/** A network, and whether a container is in it. */
export type NetworkUse = Readonly<{ network: Network; isUsed: boolean }>;

type Test = (use: NetworkUse) => boolean;

/** For lists: several values of one key mean any of them, labels all. */
const OF_LISTS: Readonly<Record<string, (values: readonly string[]) => Test>> = {
  dangling: (values) => {
    const wanted = values.map((value) => parseBoolean('dangling', value));
    return ({ network, isUsed }) => wanted.includes(!isUsed && !isPredefined(network.name));
  },
  driver: (values) => (use) => values.includes(use.network.driver),
  id: (values) => (use) => values.some((value) => use.network.id.startsWith(value)),
  label: (values) => (use) => values.every((value) => hasLabel(use, value)),
  name: (values) => (use) => values.some((value) => use.network.name.includes(value)),
  scope: (values) => {
    const unknown = values.find((value) => !['local', 'global', 'swarm'].includes(value));
    if (unknown !== undefined) throw new InvalidNetworkError(`invalid filter 'scope=${unknown}'`);
    return () => values.includes('local');
  },
  type: (values) => {
    const unknown = values.find((value) => value !== 'custom' && value !== 'builtin');
    if (unknown !== undefined)
      throw new InvalidNetworkError(`invalid filter 'type=${unknown}': it is custom or builtin`);
    return ({ network }) => values.includes(isPredefined(network.name) ? 'builtin' : 'custom');
  },
};

/** For prune, which takes only what no container is in and what is not always there. */
const OF_PRUNE: Readonly<Record<string, (values: readonly string[], now: Date) => Test>> = {
  label: (values) => (use) => values.every((value) => hasLabel(use, value)),
  'label!': (values) => (use) => !values.some((value) => hasLabel(use, value)),
  until: (values, now) => {
    const limits = values.map((value) => parseTime(value, now));
    return ({ network }) => limits.every((limit) => Date.parse(network.createdAt) < limit);
  },
};

/** @throws {InvalidNetworkError} a key or a value that there is not. */
export function networkListFilter(filters: NetworkFilters): Test {
  return filterOf(OF_LISTS, filters, new Date());
}

/** @throws {InvalidNetworkError} a key or a value that there is not. */
export function networkPruneFilter(filters: NetworkFilters, now: Date): Test {
  const accepts = filterOf(OF_PRUNE, filters, now);
  return (use) => !use.isUsed && !isPredefined(use.network.name) && accepts(use);
}

function filterOf(
  table: Readonly<Record<string, (values: readonly string[], now: Date) => Test>>,
  filters: NetworkFilters,
  now: Date,
): Test {
  const tests = Object.entries(filters)
    .filter(([, values]) => values.length > 0)
    .map(([key, values]) => {
      const make = Object.hasOwn(table, key) ? table[key] : undefined;
      if (make === undefined)
        throw new InvalidNetworkError(`invalid filter '${key}': there are ${Object.keys(table).join(', ')}`);
      return make(values, now);
    });
  return (use) => tests.every((test) => test(use));
}

function hasLabel({ network }: NetworkUse, text: string): boolean {
  const equals = text.indexOf('=');
  const value = network.labels[equals < 0 ? text : text.slice(0, equals)];
  return value !== undefined && (equals < 0 || value === text.slice(equals + 1));
}

/** As Go reads them. */
function parseBoolean(key: string, value: string): boolean {
  if (/^(true|TRUE|True|t|T|1)$/.test(value)) return true;
  if (/^(false|FALSE|False|f|F|0)$/.test(value)) return false;
  throw new InvalidNetworkError(`invalid filter '${key}=${value}': it is true or false`);
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000 };

/** A time, a number of seconds since 1970, or an age such as 1h30m. @returns milliseconds since 1970. */
function parseTime(text: string, now: Date): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/^(\d+[hms])+$/.test(text)) {
    const parts = [...text.matchAll(/(\d+)([hms])/g)];
    return (
      now.getTime() - parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0), 0)
    );
  }
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new InvalidNetworkError(`invalid filter 'until=${text}': write a time, or an age as in 24h`);
  return time;
}
