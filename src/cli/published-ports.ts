import type { HostConfig } from '../runtime/container/index.js';
import { UsageError } from './failure.js';

type Ports = Readonly<{
  bindings: NonNullable<HostConfig['PortBindings']>;
  exposed: Readonly<Record<string, object>>;
}>;
const FORM = 'write [[address:]port:]port[/protocol], as in 127.0.0.1:8080:80';
/** Colons and digits as an address of IPv6 has them, before ports. */
const UNBRACKETED = /^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f]*:[\d-]*:?[\d-]+(\/\w+)?$/i;

type Range = Readonly<{ first: number; count: number }>;

/** `[[address:]port:]port[/protocol]`; ports may be ranges, an address of IPv6 has brackets. @throws {UsageError} */
export function parsePublished(texts: readonly string[], exposed: readonly string[]): Ports {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const text of texts) {
    for (const { key, ip, port } of publishedBy(text)) {
      bindings[key] ??= [];
      bindings[key].push({ HostIp: ip, HostPort: port });
    }
  }
  const named = exposed.flatMap((text) => {
    const [ports = '', protocol = 'tcp'] = text.split('/');
    return numbersOf(rangeOf(ports, text)).map((port) => `${port}/${protocolOf(protocol, text)}`);
  });
  const keys = [...Object.keys(bindings), ...named];
  return { bindings, exposed: Object.fromEntries(keys.map((key) => [key, {}])) };
}

function publishedBy(text: string) {
  const [, bracketed, plain, host, container = '', protocol = 'tcp'] =
    /^(?:(?:\[([0-9a-fA-F:.%]+)\]|([0-9.]*|localhost)):)??(?:([\d-]*):)?([\d-]+)(?:\/(\w+))?$/.exec(text) ??
    [];
  if (container === '')
    throw wrong(text, UNBRACKETED.test(text) ? 'an IPv6 address needs brackets, as in [::1]:8080:80' : FORM);
  const inside = rangeOf(container, text);
  const ip = bracketed ?? (plain === 'localhost' ? '127.0.0.1' : (plain ?? ''));
  const key = (port: number) => `${port}/${protocolOf(protocol, text)}`;
  if (host === undefined || host === '')
    return numbersOf(inside).map((port) => ({ key: key(port), ip, port: '' }));
  const outside = rangeOf(host, text);
  // A range for a single port is a choice, which is made when the container starts.
  if (inside.count === 1 && outside.count > 1) return [{ key: key(inside.first), ip, port: host }];
  if (inside.count !== outside.count) throw wrong(text, 'both ranges must have as many ports');
  return numbersOf(inside).map((port, i) => ({ key: key(port), ip, port: String(outside.first + i) }));
}

function rangeOf(text: string, whole: string): Range {
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const range = { first: Number(first), count: Number(last) - Number(first) + 1 };
  if (first === '' || range.count < 1) throw wrong(whole);
  const outside = [first, last].find((port) => Number(port) < 1 || Number(port) > 65_535);
  if (outside !== undefined) throw wrong(whole, `port ${outside} is out of range: ports are 1 to 65535`);
  return range;
}

function numbersOf({ first, count }: Range): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

function protocolOf(text: string, whole: string): string {
  const protocol = text.toLowerCase();
  if (['tcp', 'udp', 'sctp'].includes(protocol)) return protocol;
  throw wrong(whole, `${text} is no protocol: write tcp, udp or sctp`);
}

function wrong(text: string, why = FORM): UsageError {
  return new UsageError(`cannot publish ${JSON.stringify(text)}: ${why}`);
}
