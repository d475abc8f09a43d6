import { listPorts, type PublishedPort } from './published-port.js';

/** Neighbours that are shown as one: `127.0.0.1:9000-9002->9000-9002/tcp`. */
type Group = { readonly ip: string; readonly type: string; first: number; last: number };

/**
 * As `docker ps` shows them: `443/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp`. Docker's order: ports that have the same
 * number on both sides, and those that are not published, come first, in groups.
 */
export function portsText(ports: readonly PublishedPort[], exposed: readonly string[] = []): string {
  const listed = listPorts(ports, exposed)
    .map((port) => ({ IP: '', PublicPort: port.PrivatePort, ...port }))
    .sort((a, b) => a.PrivatePort - b.PrivatePort || (a.IP < b.IP ? -1 : Number(a.IP > b.IP)));
  const isSame = ({ PrivatePort, PublicPort }: { PrivatePort: number; PublicPort: number }) =>
    PrivatePort === PublicPort;
  const others = listed.filter((port) => !isSame(port));
  return [
    ...grouped(listed.filter(isSame)).map(groupText),
    ...others.map((port) => `${place(port.IP, port.PublicPort)}->${port.PrivatePort}/${port.Type}`),
  ].join(', ');
}

function grouped(ports: readonly Readonly<{ IP: string; PrivatePort: number; Type: string }>[]): Group[] {
  const done: Group[] = [];
  const open = new Map<string, Group>();
  for (const { IP: ip, PrivatePort: port, Type: type } of ports) {
    const key = `${ip}/${type}`;
    const group = open.get(key);
    if (group?.last === port - 1) group.last = port;
    else {
      if (group !== undefined) done.push(group);
      open.set(key, { ip, type, first: port, last: port });
    }
  }
  return [...done, ...open.values()];
}

function groupText({ ip, type, first, last }: Group): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  return `${ip === '' ? '' : `${place(ip, range)}->`}${range}/${type}`;
}

function place(ip: string, port: number | string): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
