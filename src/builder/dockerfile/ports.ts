/** What EXPOSE cannot mean. */
export class PortError extends Error {
  override readonly name = 'PortError';
  /** As EXPOSE has it, variables gone. */
  readonly word: string;

  constructor(word: string, reason: string) {
    super(`invalid port ${JSON.stringify(word)}: ${reason}`);
    this.word = word;
  }
}

/** One word of EXPOSE: `[ip:][host:]port[-end][/protocol]`. */
export type PortSpec = Readonly<{
  /** As it is written. */
  protocol: string;
  first: number;
  last: number;
  /** It also names an address or a port of the host, which mean nothing in an image. */
  mapped: boolean;
}>;

/**
 * Reads words of EXPOSE, variables gone: ranges become single ports, `tcp` is the default.
 * @returns `80/tcp` and so on, in the order of the words; a port may be there twice.
 * @throws {PortError}
 */
export function parsePorts(words: readonly string[]): string[] {
  return words.flatMap((word) => {
    const { first, last, protocol } = parsePort(word);
    const count = last - first + 1;
    return Array.from({ length: count }, (_, index) => `${first + index}/${protocol.toLowerCase()}`);
  });
}

/** @throws {PortError} */
export function parsePort(word: string): PortSpec {
  const parts = word.split(':');
  const container = parts.at(-1) ?? '';
  const host = parts.at(-2) ?? '';
  const address = parts.slice(0, -2).join(':');
  if (address !== '' && !isAddress(address.replace(/^\[(.*)\]$/, '$1'))) {
    throw new PortError(word, `${address} is no IP address`);
  }
  const slash = container.indexOf('/');
  const protocol = slash < 0 ? 'tcp' : container.slice(slash + 1) || 'tcp';
  if (!/^(tcp|udp|sctp)$/i.test(protocol)) {
    throw new PortError(word, `the protocol is tcp, udp or sctp, not ${protocol}`);
  }
  const range = parseRange(slash < 0 ? container : container.slice(0, slash), word);
  if (host !== '') checkHostRange(parseRange(host, word), range, word);
  return { protocol, ...range, mapped: host !== '' || address !== '' };
}

type Range = Readonly<{ first: number; last: number }>;

function parseRange(text: string, word: string): Range {
  const [, first = '', last = first] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (first === '' || range.first > range.last || range.last > 65_535) {
    throw new PortError(word, 'ports are 0 to 65535, or a range as in 8000-8010');
  }
  return range;
}

function checkHostRange(host: Range, container: Range, word: string): void {
  const size = container.last - container.first;
  if (size === 0 || host.last - host.first === size) return;
  throw new PortError(word, 'both ranges must be of one size');
}

/** Loaded when it is needed: many commands read a Dockerfile and never use the network. */
function isAddress(text: string): boolean {
  return process.getBuiltinModule('node:net').isIP(text) !== 0;
}
