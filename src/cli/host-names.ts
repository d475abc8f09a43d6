import type { X509Certificate } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { UsageError } from './failure.js';
import type { Run } from './openssl.js';

/** Under which a server is reached. No name and no address occurs twice. */
export type HostNames = Readonly<{ dns: readonly string[]; ip: readonly string[] }>;

const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const DNS_NAME = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`);

/** What this machine is called, with and without its domain, and the addresses it has, besides localhost. */
export async function ownNames(run: Run): Promise<HostNames> {
  // Programs that know the domain differ from system to system; a machine without one is fine too.
  const full = await run('hostname', ['-f']).catch(() => '');
  const dns = [full.trim().toLowerCase(), hostname().toLowerCase()].filter(isDnsName);
  const ip = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.toLowerCase().startsWith('fe80:'))
    .map(({ address }) => address);
  return joinNames({ dns, ip }, { dns: ['localhost'], ip: ['127.0.0.1', '::1'] });
}

/** @throws {UsageError} what is no name or no address. */
export function parseNames(names: readonly string[], addresses: readonly string[]): HostNames {
  for (const name of names) {
    if (isIP(name)) throw new UsageError(`--name ${name} is an address; use --ip ${name}`);
    if (!isDnsName(name.toLowerCase()))
      throw new UsageError(`--name ${JSON.stringify(name)} is not a host name`);
  }
  for (const address of addresses) {
    if (!isIP(address)) throw new UsageError(`--ip ${JSON.stringify(address)} is not an address`);
  }
  return joinNames({ dns: names.map((name) => name.toLowerCase()), ip: addresses });
}

/** Those that a certificate is for. */
export function namesOf(certificate: X509Certificate): HostNames {
  const names = (certificate.subjectAltName ?? '').split(', ').map((name): [string, string] => {
    const colon = name.indexOf(':');
    return [name.slice(0, colon), name.slice(colon + 1)];
  });
  const dns = names.flatMap(([kind, name]) => (kind === 'DNS' && isDnsName(name) ? [name] : []));
  const ip = names.flatMap(([kind, address]) => (kind === 'IP Address' && isIP(address) ? [address] : []));
  return joinNames({ dns, ip });
}

export function joinNames(...all: readonly HostNames[]): HostNames {
  return {
    dns: [...new Set(all.flatMap(({ dns }) => dns))],
    ip: [...new Set(all.flatMap(({ ip }) => ip.map(canonicalAddress)))],
  };
}

function isDnsName(name: string): boolean {
  return name.length <= 253 && DNS_NAME.test(name) && !isIP(name);
}

/** One spelling for each IPv6 address. RFC 5952. */
function canonicalAddress(address: string): string {
  return isIPv6(address) ? new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1) : address;
}
