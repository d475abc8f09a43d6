import { findBoolean } from '../spelling/index.js';
import { RuntimeError } from './errors.js';

/** By key, as the Engine API has them: `{ label: ['a=b'], dangling: ['true'] }`. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** What a key means: a test of one thing, for all values that were given for it. */
export type FilterTable<T> = Readonly<Record<string, (values: readonly string[]) => (thing: T) => boolean>>;

/** A key or a value that there is not. */
export class FilterError extends RuntimeError {
  override readonly name = 'FilterError';
}

/** Accepts what every key accepts. @throws {FilterError} */
export function filterOf<T>(table: FilterTable<T>, filters: Filters): (thing: T) => boolean {
  const tests = Object.entries(filters)
    .filter(([, values]) => values.length > 0)
    .map(([key, values]) => {
      const make = Object.hasOwn(table, key) ? table[key] : undefined;
      if (make === undefined)
        throw new FilterError(`invalid filter '${key}': there are ${Object.keys(table).join(', ')}`);
      return make(values);
    });
  return (thing) => tests.every((test) => test(thing));
}

/** @param text `name`, or `name=value`. */
export function hasLabel(labels: Readonly<Record<string, string>>, text: string): boolean {
  const equals = text.indexOf('=');
  const value = labels[equals < 0 ? text : text.slice(0, equals)];
  return value !== undefined && (equals < 0 || value === text.slice(equals + 1));
}

/** @throws {FilterError} */
export function parseBoolean(key: string, value: string): boolean {
  const found = findBoolean(value);
  if (found === undefined) throw new FilterError(`invalid filter '${key}=${value}': it is true or false`);
  return found;
}
