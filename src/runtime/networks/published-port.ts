import type { SocketProtocol } from '../../linux/index.js';
import { InvalidNetworkError } from './network-errors.js';
import { parseAddress } from './subnet.js';

/** A port of a container that is reached at a port of this machine. */
export type PublishedPort = Readonly<{
  /** 0.0.0.0 or ::, every address of its family; '' of a wanted one: of both, of a chosen one: of IPv4. */
  hostIp: string;
  /** 0: any free one. */
  hostPort: number;
  /** Of a range, of which any free one will do. */
  lastHostPort?: number;
  containerPort: number;
  protocol: SocketProtocol;
}>;

/** Docker's HostConfig.PortBindings: `{ '80/tcp': [{ HostIp: '', HostPort: '8080' }] }`. */
export type PortBindings = Readonly<
  Record<string, readonly Readonly<{ HostIp?: string; HostPort?: string }>[] | null>
>;

/**
 * @param exposed keys such as `80/tcp` that are published on any free port, as with -P.
 * @param defaultHostIp for those that name none.
 * @throws {InvalidNetworkError}
 */
export function publishedPorts(
  bindings: PortBindings,
  exposed: readonly string[] = [],
  defaultHostIp = '',
): PublishedPort[] {
  const bound = Object.entries(bindings).flatMap(([key, places]) =>
    (places === null || places.length === 0 ? [{}] : places).map((place) =>
      publishedPort(key, place, defaultHostIp),
    ),
  );
  const more = exposed.filter((key) => !Object.hasOwn(bindings, key));
  return [...bound, ...more.map((key) => publishedPort(key, {}, defaultHostIp))];
}

/** Whether it is of IPv6. */
export function isOfSix({ hostIp }: Pick<PublishedPort, 'hostIp'>): boolean {
  return hostIp.includes(':');
}

/** Whether only one container can have them. */
export function clash(a: PublishedPort, b: PublishedPort): boolean {
  if (a.hostPort !== b.hostPort || a.protocol !== b.protocol || isOfSix(a) !== isOfSix(b)) return false;
  const isAny = ({ hostIp }: PublishedPort) => ['', '0.0.0.0', '::'].includes(hostIp);
  return a.hostIp === b.hostIp || isAny(a) || isAny(b);
}

/** Docker's NetworkSettings.Ports, of ports that were chosen. @param exposed those that are not published are null. */
export function inspectPorts(ports: readonly PublishedPort[], exposed: readonly string[] = []) {
  const shown: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const key of exposed) shown[key] = null;
  for (const { hostIp, hostPort, containerPort, protocol } of ports) {
    const key = `${containerPort}/${protocol}`;
    shown[key] = [...(shown[key] ?? []), { HostIp: hostIp || '0.0.0.0', HostPort: String(hostPort) }];
  }
  return shown;
}

/** As the list of containers in the Engine API has them: GET /containers/json. */
export function listPorts(ports: readonly PublishedPort[], exposed: readonly string[] = []) {
  return Object.entries(inspectPorts(ports, exposed)).flatMap(([key, places]) => {
    const [port, Type = 'tcp'] = key.split('/');
    const own = { PrivatePort: Number(port), Type };
    const published = (places ?? []).map(({ HostIp, HostPort }) => ({
      IP: HostIp,
      ...own,
      PublicPort: Number(HostPort),
    }));
    return published.length > 0 ? published : [own];
  });
}

/** `0.0.0.0:8080`, `[::]:8080`. */
export function placeText({ HostIp, HostPort }: Readonly<{ HostIp: string; HostPort: string }>): string {
  return HostIp.includes(':') ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`;
}

function publishedPort(
  key: string,
  { HostIp = '', HostPort = '' }: Readonly<{ HostIp?: string; HostPort?: string }>,
  defaultHostIp: string,
): PublishedPort {
  const [, port = '', protocol = 'tcp'] = /^(\d+)(?:\/(tcp|udp|sctp))?$/.exec(key) ?? [];
  const [, first = '', last = first] = /^(\d*)(?:-(\d+))?$/.exec(HostPort) ?? [undefined, 'x'];
  const hostIp = HostIp || defaultHostIp;
  if (
    !isPort(port) ||
    (first !== '' && !isPort(first, 0)) ||
    (last !== '' && !isPort(last, 0)) ||
    Number(first) > Number(last)
  )
    throw new InvalidNetworkError(
      `invalid published port ${JSON.stringify(`${HostPort}:${key}`)}: ports are numbers up to 65535`,
    );
  if (hostIp !== '' && parseAddress(hostIp) === undefined)
    throw new InvalidNetworkError(
      `invalid address of this machine ${JSON.stringify(hostIp)} for the port ${key}`,
    );
  return {
    hostIp,
    hostPort: Number(first),
    ...(first !== last && { lastHostPort: Number(last) }),
    containerPort: Number(port),
    protocol: protocol as SocketProtocol,
  };
}

function isPort(text: string, least = 1): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= least && Number(text) <= 65_535;
}
