import { type ContainerRecord, networkNames } from '../runtime/container/index.js';
import { nameOfMount } from '../runtime/volumes/index.js';
import { splitPair } from './build-flags.js';
import { UsageError } from './failure.js';
import { parseTime } from './point-in-time.js';

/** Given all containers, says of one whether it is shown. */
type ContainerFilter = (all: readonly ContainerRecord[]) => (record: ContainerRecord) => boolean;

const STATUSES = ['created', 'running', 'paused', 'restarting', 'exited', 'removing', 'dead'];

const HEALTHS = ['starting', 'healthy', 'unhealthy', 'none'];

/** `--filter` of `berth ps`, as docker has them; several of one key mean any of them, of labels all. @throws {UsageError} */
function parseContainerFilters(texts: readonly string[]): ContainerFilter[] {
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
      key.startsWith('label')
        ? accepting.every((accepts) => accepts(record))
        : accepting.some((accepts) => accepts(record));
  });
}

/** Those that all filters accept, in the same order. @throws {UsageError} */
export function chooseContainers(
  records: readonly ContainerRecord[],
  texts: readonly string[],
): readonly ContainerRecord[] {
  const filters = parseContainerFilters(texts).map((filter) => filter(records));
  return records.filter((record) => filters.every((accepts) => accepts(record)));
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
    case 'label!': {
      const filter = filterOf('label', value);
      return (all) => {
        const has = filter(all);
        return (record) => !has(record);
      };
    }
    case 'until': {
      const time = Date.parse(parseTime(value, Date.now()));
      return () =>
        ({ createdAt }) =>
          Date.parse(createdAt) < time;
    }
    case 'volume':
      return () =>
        ({ mounts }) =>
          mounts.some((point) => point.destination === value || nameOfMount(point) === value);
    case 'network':
      return () => (record) => networkNames(record).includes(value === 'default' ? 'bridge' : value);
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
    case 'health':
      if (!HEALTHS.includes(value))
        throw new UsageError(`no health ${value}; there are ${HEALTHS.join(', ')}`);
      return () =>
        ({ state }) =>
          (state.health?.status ?? 'none') === value;
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
    case 'publish': {
      const accepts = parsePorts(key, value);
      return () => (record) => publishedBy(record).some(accepts);
    }
    case 'expose': {
      const accepts = parsePorts(key, value);
      return () => (record) => exposedBy(record).some(accepts);
    }
    default:
      throw new UsageError(
        `no filter ${key}; there are ancestor, before, exited, expose, health, id, label, label!, name, network, publish, ` +
          'since, status, until and volume',
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

type Port = Readonly<{ port: number; protocol: string }>;

const PORTS = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/;

/** `80`, `80/udp`, `8000-8010/tcp`; of tcp where no protocol is named, as docker has it. @throws {UsageError} */
function parsePorts(key: string, text: string): (port: Port) => boolean {
  const [, first, last = first, wanted = 'tcp'] = PORTS.exec(text) ?? [];
  if (first === undefined)
    throw new UsageError(`${key}=${text}: write a port, as in 80, 53/udp or 8000-8010`);
  return ({ port, protocol }) => protocol === wanted && port >= Number(first) && port <= Number(last);
}

/** Of this machine, as they were asked for. */
function publishedBy({ hostConfig }: ContainerRecord): Port[] {
  return Object.entries(hostConfig.PortBindings ?? {}).flatMap(([key, places]) =>
    (places ?? []).map(({ HostPort = '' }) => ({ port: Number(HostPort), protocol: protocolOf(key) })),
  );
}

function exposedBy({ config }: ContainerRecord): Port[] {
  return Object.keys(config.ExposedPorts ?? {}).map((key) => ({
    port: Number.parseInt(key, 10),
    protocol: protocolOf(key),
  }));
}

/** @param key `80/tcp` */
function protocolOf(key: string): string {
  return key.split('/')[1] ?? 'tcp';
}
