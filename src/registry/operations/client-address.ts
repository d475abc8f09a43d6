import { BlockList, isIP } from 'node:net';

const MAX_REMEMBERED = 1000;

/**
 * @param networks addresses and CIDR networks, IPv4 or IPv6, as checked by the configuration.
 * @returns whether headers of a peer at this address are believed. A peer without an address came through a unix
 *   socket, which only those can open who were given it.
 */
export function trustedProxies(networks: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = address.includes(':') ? 'ipv6' : 'ipv4'; // isIP would make its patterns, which takes milliseconds
    list.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  const remembered = new Map<string, boolean>();
  return (address) => {
    if (address === undefined || address === '') return true;
    const known = remembered.get(address);
    if (known !== undefined) return known;
    const plain = plainAddress(address);
    const trusted = isIP(plain) !== 0 && list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(address, trusted);
    return trusted;
  };
}

/**
 * Who asked: the nearest address that is not a trusted proxy's. What stands further left in X-Forwarded-For was
 * written by strangers.
 * @param forwardedFor the header's value, if any.
 * @returns '' for a unix socket without a proxy that says more.
 */
export function clientAddress(
  remote: string | undefined,
  forwardedFor: string | undefined,
  trusted: (address: string | undefined) => boolean,
): string {
  let address = plainAddress(remote ?? '');
  if (forwardedFor === undefined || !trusted(remote)) return address;
  const hops = forwardedFor.split(',');
  while (hops.length > 0 && trusted(address)) {
    const hop = hopAddress(hops.pop() ?? '');
    if (hop === undefined) return address;
    address = hop;
  }
  return address;
}

/** Some proxies add the port: `192.0.2.1:1234`, `[2001:db8::1]:1234`. */
function hopAddress(hop: string): string | undefined {
  const text = hop.trim();
  const bare = /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 ? undefined : plainAddress(bare);
}

/** A server on `::` sees IPv4 clients as `::ffff:192.0.2.1`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
