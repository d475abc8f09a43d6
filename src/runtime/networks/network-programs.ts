import { existsSync } from 'node:fs';
import { requiredProgram } from '../programs.js';

/** Programs that networks need, and the Debian packages that have them. */
const PACKAGES = {
  'aardvark-dns': 'aardvark-dns',
  ip: 'iproute2',
  'ip6tables-restore': 'iptables',
  'ip6tables-save': 'iptables',
  iptables: 'iptables',
  'iptables-restore': 'iptables',
  'iptables-save': 'iptables',
  netavark: 'netavark',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  slirp4netns: 'slirp4netns',
  unshare: 'util-linux',
} as const;

/** Debian and Fedora keep what belongs to containers here, outside the path. */
const PODMAN_FOLDERS = ['/usr/lib/podman', '/usr/libexec/podman'];

/** @returns where it lies. @throws {RuntimeUnavailableError} it is not installed. */
export function networkProgram(name: keyof typeof PACKAGES): string {
  return (
    PODMAN_FOLDERS.map((folder) => `${folder}/${name}`).find(existsSync) ??
    requiredProgram(name, { package: PACKAGES[name], for: 'networks of containers' })
  );
}

/** Put before a command, it is killed with this process: what a killed command left half-made is not being made on while others take it away. */
export function endingWithUs(): string[] {
  return [networkProgram('setpriv'), '--pdeathsig', 'KILL'];
}
