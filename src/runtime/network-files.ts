import { readIfAny } from '../linux/index.js';
import { RuntimeError } from './errors.js';

const LOCAL = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback'];

/** systemd-resolved's stub listens on the machine's own loopback interface; the servers behind it are listed here. */
const BEHIND_STUB = '/run/systemd/resolve/resolv.conf';
const STUB = '127.0.0.53';

/** @param addHosts `name:address` each; an address of IPv6 may have brackets. @throws {RuntimeError} */
export function hostsFile(hostname: string, addHosts: readonly string[]): string {
  const own = hostname === '' ? [] : [`127.0.0.1\t${hostname}`];
  return `${[...LOCAL, ...own, ...addHosts.map(hostLine)].join('\n')}\n`;
}

/** What a container is to have as /etc/resolv.conf: the machine's, with servers that it can reach. */
export function resolvConf(network: 'host' | 'none', read: (path: string) => string = readIfAny): string {
  const text = read('/etc/resolv.conf');
  const servers = Array.from(text.matchAll(/^\s*nameserver\s+(\S+)/gm), ([, address]) => address);
  const stubOnly = servers.length > 0 && servers.every((address) => address === STUB);
  if (network === 'host' || !stubOnly) return text;
  return read(BEHIND_STUB) || text;
}

function hostLine(pair: string): string {
  const at = pair.indexOf(':');
  const [name, address] = [pair.slice(0, at), pair.slice(at + 1).replace(/^\[(.*)\]$/, '$1')];
  if (at <= 0 || !/^[\w.:%-]+$/.test(address) || /\s/.test(name)) {
    throw new RuntimeError(`${JSON.stringify(pair)} is not a host: write NAME:ADDRESS`);
  }
  return `${address}\t${name}`;
}
