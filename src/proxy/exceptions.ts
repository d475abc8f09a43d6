import { BlockList, isIP } from 'node:net';

type Rule = (host: string, port: string) => boolean;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Where no proxy is asked, as NO_PROXY says it: `*`, addresses, networks (10.0.0.0/8), names with all below them
 * (example.com), only those below (.example.com, *.example.com), each but networks with a port if wanted. This machine is
 * always among them. As golang.org/x/net/http/httpproxy.
 */
export class Exceptions {
  readonly #rules: readonly Rule[];

  constructor(text: string) {
    this.#rules = text
      .toLowerCase()
      .split(/[\s,]+/)
      .filter((word) => word !== '')
      .map(parseRule);
  }

  include(url: URL): boolean {
    const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    if (host === 'localhost' || host.endsWith('.localhost') || holds(LOOPBACK, host)) return true;
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return this.#rules.some((rule) => rule(host, port));
  }
}

function parseRule(word: string): Rule {
  if (word === '*') return () => true;
  const network = parseNetwork(word);
  if (network !== undefined) return (host) => holds(network, host);
  const { name, port } = splitPort(word);
  const isPort = (actual: string) => port === undefined || port === actual;
  if (isIP(name) !== 0) {
    const address = new BlockList();
    address.addAddress(name, familyOf(name));
    return (host, actual) => isPort(actual) && holds(address, host);
  }
  const below = name.replace(/^\*?\.?/, '.');
  const itself = /^[*.]/.test(name) ? undefined : name;
  return (host, actual) => isPort(actual) && (host === itself || host.endsWith(below));
}

function parseNetwork(word: string): BlockList | undefined {
  const [, address = '', bits = ''] = /^([\da-f.:]+)\/(\d+)$/.exec(word) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return undefined;
  const network = new BlockList();
  network.addSubnet(address, Number(bits), familyOf(address));
  return network;
}

function splitPort(word: string): { name: string; port: string | undefined } {
  if (isIP(word) !== 0) return { name: word, port: undefined };
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|(.*?))(?::(\d+))?$/.exec(word) ?? [];
  return { name: bracketed ?? plain ?? word, port };
}

function holds(list: BlockList, host: string): boolean {
  return isIP(host) !== 0 && list.check(host, familyOf(host));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
