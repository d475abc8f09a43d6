import type { ContainerRecord } from '../runtime/container/index.js';
import { splitPair } from './build-flags.js';
import { UsageError } from './failure.js';

/** Given all containers, says of one whether it is shown. */
export type ContainerFilter = (all: readonly ContainerRecord[]) => (record: ContainerRecord) => boolean;

const STATUSES = ['created', 'running', 'paused', 'restarting', 'exited', 'removing', 'dead'];

/** `--filter` of `berth ps`, as docker has them; several of one key mean any of them, of labels all. @throws {UsageError} */
export function parseContainerFilters(texts: readonly string[]): ContainerFilter[] {
  const byKey = new Map<string, ContainerFilter[]>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    if (equals < 0) throw new UsageError(`a filter is key=value, not ${JSON.stringify(text)}`);
    const [key, value] = [text.slice(0, equals), text.slice(equals + 1)];
    byKey.set(key, [...(byKey.get(key) ?? []), filterOf(key, value)]);
  }
  return Array.from(byKey, ([key, filters]) => (all) => {
    const accepting = filters.map((filter) => filter(all));
    return (record) =>
      key === 'label'
        ? accepting.every((accepts) => accepts(record))
        : accepting.some((accepts) => accepts(record));
  });
}

function filterOf(key: string, value: string): ContainerFilter {
  switch (key) {
    case 'id':
      return () =>
        ({ id }) =>
          id.startsWith(value);
    case 'name':
      return () =>
        ({ name }) =>
          matches(name, value);
    case 'label': {
      const [name = '', wanted] = splitPair(value);
      return () =>
        ({ config }) => {
          const label = config.Labels?.[name];
          return label !== undefined && (wanted === undefined || label === wanted);
        };
    }
    case 'status':
      if (!STATUSES.includes(value))
        throw new UsageError(`no status ${value}; there are ${STATUSES.join(', ')}`);
      return () =>
        ({ state }) =>
          state.status === value;
    case 'exited':
      if (!/^\d{1,3}$/.test(value)) throw new UsageError(`exited=${value}: write an exit code`);
      return () =>
        ({ state }) =>
          state.status === 'exited' && state.exitCode === Number(value);
    case 'ancestor':
      return () =>
        ({ image }) =>
          isImage(image, value);
    case 'before':
    case 'since':
      return (all) => {
        const { createdAt } = named(all, value);
        return (record) => (key === 'before' ? record.createdAt < createdAt : record.createdAt > createdAt);
      };
    default:
      throw new UsageError(
        `no filter ${key}; there are ancestor, before, exited, id, label, name, since and status`,
      );
  }
}

function matches(name: string, pattern: string): boolean {
  try {
    const expression = new RegExp(pattern);
    return expression.test(name) || expression.test(`/${name}`);
  } catch {
    return name.includes(pattern);
  }
}

function isImage({ name, id }: ContainerRecord['image'], text: string): boolean {
  const hash = id.slice(id.indexOf(':') + 1);
  return (
    name === text || name === `${text}:latest` || id === text || (text.length >= 4 && hash.startsWith(text))
  );
}

function named(all: readonly ContainerRecord[], text: string): ContainerRecord {
  const found = all.find(({ id, name }) => name === text || id.startsWith(text));
  if (found === undefined) throw new UsageError(`No such container: ${text}`);
  return found;
}
