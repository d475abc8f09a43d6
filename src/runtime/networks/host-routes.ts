import { readIfAny } from '../../linux/index.js';
import { contains, type Subnet } from './subnet.js';

/** Addresses that this machine reaches over a device. */
export type HostRoute = Readonly<{ subnet: Subnet; device: string }>;

const LINK_LOCAL: Subnet = { family: 6, first: 0xfe80n << 112n, prefix: 10 };
const LOOPBACK = 'lo';

/** Where this machine sends what, but for the default routes. proc(5), /proc/net/route. */
export function hostRoutes(): HostRoute[] {
  return [...linesOf('route').flatMap(routeOf4), ...linesOf('ipv6_route').flatMap(routeOf6)];
}

/** Whether this machine has a network device of that name. proc(5), /proc/net/dev. */
export function hasDevice(name: string): boolean {
  return linesOf('dev').some(([first = '']) => first === `${name}:`);
}

/** Numbers are in the order of bytes of this machine. */
function routeOf4([device = '', destination = '', , , , , , mask = '']: readonly string[]): HostRoute[] {
  if (!/^[0-9A-F]{8}$/.test(destination)) return []; // the heading
  const [first, bits] = [reversed(destination), reversed(mask)];
  const prefix = bits.toString(2).replaceAll('0', '').length;
  return prefix === 0 ? [] : [{ subnet: { family: 4, first, prefix }, device }];
}

function routeOf6([destination = '', bits = '', ...rest]: readonly string[]): HostRoute[] {
  const device = rest.at(-1) ?? '';
  const subnet: Subnet = {
    family: 6,
    first: BigInt(`0x${destination || '0'}`),
    prefix: Number.parseInt(bits, 16),
  };
  const isOfDevice = device === LOOPBACK || contains(LINK_LOCAL, { family: 6, value: subnet.first });
  const isMulticast = subnet.first >> 120n === 0xffn;
  return subnet.prefix === 0 || isOfDevice || isMulticast ? [] : [{ subnet, device }];
}

function reversed(hexadecimal: string): bigint {
  return BigInt(Buffer.from(hexadecimal, 'hex').readUInt32LE());
}

function linesOf(name: string): string[][] {
  return readIfAny(`/proc/net/${name}`)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().split(/\s+/));
}
