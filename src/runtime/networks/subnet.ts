import { isIPv4, isIPv6 } from 'node:net';

/** An address of IPv4 or IPv6, as a number. */
export type Address = Readonly<{ family: 4 | 6; value: bigint }>;
/** All addresses from `first` that begin with the same `prefix` bits. */
export type Subnet = Readonly<{ family: 4 | 6; first: bigint; prefix: number }>;

/** @returns nothing for what is no address. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: joined(text.split('.').map(Number), 8n) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  // URL writes IPv4 tails in hexadecimal.
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::');
  const [first, last] = [wordsOf(head), wordsOf(tail ?? '')];
  const zeros = new Array<number>(8 - first.length - last.length).fill(0);
  return { family: 6, value: joined([...first, ...zeros, ...last], 16n) };
}

export function formatAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const words = Array.from({ length: 8 }, (_, i) => (value >> BigInt(112 - 16 * i)) & 0xffffn);
  const text = words.map((word) => word.toString(16)).join(':');
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

/** Four bytes or sixteen, as they are sent. */
export function bytesOf(address: Address): Uint8Array {
  const digits = address.value.toString(16).padStart(widthOf(address) / 4, '0');
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

/** `10.0.0.0/8`; bits behind the prefix do not count. @returns nothing for what is none. */
export function parseSubnet(text: string): Subnet | undefined {
  const [, base = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(base);
  const prefix = Number(bits);
  if (address === undefined || bits === '' || prefix > widthOf(address)) return undefined;
  const { family, value } = address;
  const mask = sizeOf({ family, prefix }) - 1n;
  return { family, first: value & ~mask, prefix };
}

export function formatSubnet({ family, first, prefix }: Subnet): string {
  return `${formatAddress({ family, value: first })}/${prefix}`;
}

/** How many addresses it has. */
export function sizeOf(subnet: Readonly<{ family: 4 | 6; prefix: number }>): bigint {
  return 1n << BigInt(widthOf(subnet) - subnet.prefix);
}

export function lastOf(subnet: Subnet): bigint {
  return subnet.first + sizeOf(subnet) - 1n;
}

export function contains(subnet: Subnet, { family, value }: Address): boolean {
  return subnet.family === family && value >= subnet.first && value <= lastOf(subnet);
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return a.family === b.family && a.first <= lastOf(b) && b.first <= lastOf(a);
}

function widthOf({ family }: Readonly<{ family: 4 | 6 }>): number {
  return family === 4 ? 32 : 128;
}

function wordsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
}

function joined(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((value, part) => (value << bits) | BigInt(part), 0n);
}
