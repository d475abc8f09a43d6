import type { PublishedPort } from './published-port.js';

/** A container that another one knows by an alias, as with --link. */
export type LinkTarget = Readonly<{
  id: string;
  name: string;
  alias: string;
  ipAddress: string;
  /** What it exposes. */
  ports: readonly Pick<PublishedPort, 'containerPort' | 'protocol'>[];
  /** `NAME=value` each. */
  env: readonly string[];
}>;

/** Of the image rather than of what runs there. */
const NOT_PASSED_ON = ['HOME', 'PATH'];

/** `CONTAINER[:ALIAS]`. */
export function parseLink(text: string): { container: string; alias: string } {
  const [container = '', alias = container.replace(/^.*\//, '')] = text.split(':');
  return { container: container.replace(/^\//, ''), alias: alias.replace(/^.*\//, '') };
}

/** For containerHosts, as docker writes it. */
export function linkHostsLine({ id, name, alias, ipAddress }: LinkTarget): string {
  return `${ipAddress}\t${[...new Set([alias, id.slice(0, 12), name])].join(' ')}`;
}

/** Variables of docker's usual bridge. @param name of the container that gets them. */
export function linkEnvironment(name: string, { alias, ipAddress, ports, env }: LinkTarget): string[] {
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const sorted = ports.toSorted(
    (a, b) =>
      Number(b.protocol === 'tcp') - Number(a.protocol === 'tcp') || a.containerPort - b.containerPort,
  );
  const url = ({ containerPort, protocol }: LinkTarget['ports'][number]) =>
    `${protocol}://${ipAddress}:${containerPort}`;
  const [first] = sorted;
  return [
    ...(first === undefined ? [] : [`${prefix}_PORT=${url(first)}`]),
    ...sorted.flatMap((port) => {
      const own = `${prefix}_PORT_${port.containerPort}_${port.protocol.toUpperCase()}`;
      return [
        `${own}=${url(port)}`,
        `${own}_ADDR=${ipAddress}`,
        `${own}_PORT=${port.containerPort}`,
        `${own}_PROTO=${port.protocol}`,
      ];
    }),
    `${prefix}_NAME=/${name}/${alias}`,
    ...env
      .filter((pair) => pair.includes('=') && !NOT_PASSED_ON.includes(pair.slice(0, pair.indexOf('='))))
      .map((pair) => `${prefix}_ENV_${pair}`),
  ];
}
