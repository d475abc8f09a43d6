import { resolvConf } from '../network-files.js';
import type { Endpoint } from './endpoint.js';
import { InvalidNetworkError } from './network-errors.js';
import { parseAddress } from './subnet.js';

const LOCAL = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];
const HOST_GATEWAY = 'host-gateway';

/**
 * /etc/hosts of a container, line by line as docker writes it.
 * @param names `extraHosts`: `name:address` each, or `name=address`; `host-gateway` is this machine. `links`: whole lines.
 * @throws {InvalidNetworkError}
 */
export function containerHosts(
  endpoints: readonly Endpoint[],
  names: Readonly<{
    hostname: string;
    domainname?: string;
    extraHosts?: readonly string[];
    links?: readonly string[];
  }>,
): string {
  const { hostname, domainname = '', extraHosts = [], links = [] } = names;
  const gateway = endpoints.find((endpoint) => endpoint.gateway !== '')?.gateway;
  const own = domainname === '' ? hostname : `${hostname}.${domainname} ${hostname}`;
  const addresses = endpoints.flatMap(({ ipAddress, ipv6Address }) => [ipAddress, ipv6Address]);
  const lines = [
    ...LOCAL,
    ...extraHosts.map((text) => extraHost(text, gateway)),
    ...links,
    ...addresses.filter((address) => address !== '').map((address) => `${address}\t${own}`),
  ];
  return `${lines.join('\n')}\n`;
}

export type DnsOptions = Readonly<{
  /** Addresses. */
  dns?: readonly string[];
  /** `.` alone: none. */
  dnsSearch?: readonly string[];
  dnsOptions?: readonly string[];
}>;

/**
 * /etc/resolv.conf of a container. In a network of one's own it asks the network's server, which knows names there and asks
 * others about the rest; else those of the machine, but for ones that only the machine itself reaches.
 * @param machine the text of the machine's.
 */
export function containerResolvConf(
  endpoints: readonly Endpoint[],
  { dns = [], dnsSearch = [], dnsOptions = [] }: DnsOptions,
  machine: string = resolvConf('none'),
): string {
  checkServers(dns);
  const own = nameServerOf(endpoints);
  const given =
    dns.length > 0 ? dns : wordsOf(machine, 'nameserver').filter((address) => !isLoopback(address));
  const servers = own === undefined ? given : [own];
  const search = (dnsSearch.length > 0 ? dnsSearch : wordsOf(machine, 'search')).filter(
    (text) => text !== '.',
  );
  const options = dnsOptions.length > 0 ? [...dnsOptions] : wordsOf(machine, 'options');
  // A name without a dot is one of the network first.
  if (own !== undefined && !options.some((text) => text.startsWith('ndots:'))) options.push('ndots:0');
  const lines = [
    ...servers.map((address) => `nameserver ${address}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** The server of the first network that has names. */
function nameServerOf(endpoints: readonly Endpoint[]): string | undefined {
  return endpoints.find(({ dnsServer }) => dnsServer !== '')?.dnsServer;
}

function wordsOf(text: string, keyword: string): string[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const words = lines.filter(([first]) => first === keyword).map(([, ...rest]) => rest);
  return keyword === 'nameserver' ? words.flatMap(([first = '']) => first) : (words.at(-1) ?? []);
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** Before a container is made. @throws {InvalidNetworkError} */
export function checkHosts({
  dns,
  extraHosts,
}: Readonly<{ dns: readonly string[]; extraHosts: readonly string[] }>): void {
  checkServers(dns);
  // Whether a network leads to the machine is known at the start.
  for (const text of extraHosts) extraHost(text, '0.0.0.0');
}

function checkServers(dns: readonly string[]): void {
  const odd = dns.find((text) => parseAddress(text) === undefined);
  if (odd !== undefined)
    throw new InvalidNetworkError(`invalid address of a DNS server ${JSON.stringify(odd)}`);
}

function extraHost(text: string, gateway: string | undefined): string {
  const [, name = '', given = ''] = /^([^:=\s]+)[:=](\S+)$/.exec(text) ?? [];
  const address = given === HOST_GATEWAY ? gateway : given.replace(/^\[(.*)\]$/, '$1');
  if (address === undefined)
    throw new InvalidNetworkError(`${text}: the container has no network that leads to this machine`);
  if (name === '' || parseAddress(address) === undefined)
    throw new InvalidNetworkError(`bad format for add-host: ${JSON.stringify(text)}: write NAME:ADDRESS`);
  return `${address}\t${name}`;
}
