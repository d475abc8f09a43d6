import { existsSync } from 'node:fs';
import { RuntimeUnavailableError } from '../errors.js';
import { findProgram } from '../programs.js';

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
export function requiredProgram(name: keyof typeof PACKAGES): string {
  const path = PODMAN_FOLDERS.map((folder) => `${folder}/${name}`).find(existsSync) ?? findProgram(name);
  if (path !== undefined) return path;
  throw new RuntimeUnavailableError(
    `networks of containers need the program ${name}, which is not installed: install the package ${PACKAGES[name]}`,
  );
}

/** Put before a command, it is killed with this process: what a killed command left half-made is not being made on while others take it away. */
export function endingWithUs(): string[] {
  return [requiredProgram('setpriv'), '--pdeathsig', 'KILL'];
}
