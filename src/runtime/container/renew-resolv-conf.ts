import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Endpoint } from '../networks/index.js';
import { resolvConfOf } from './container-networks.js';
import type { ContainerRecord } from './container-record.js';
import type { HostParts } from './host-parts.js';

/**
 * After the networks of a container that runs have changed: it asks the servers of those that it has now. A file that is not as
 * it was given has been written by somebody, and stays.
 */
export function renewResolvConf(
  parts: HostParts,
  record: ContainerRecord,
  before: readonly Endpoint[],
  after: readonly Endpoint[],
): void {
  const path = parts.folder(record.id).file('resolv.conf');
  const given = resolvConfOf(record, before, parts.networks);
  const renewed = resolvConfOf(record, after, parts.networks);
  // In place: the container has this very file.
  if (renewed !== given && isText(path, given)) writeFileSync(path, renewed);
}

/** The container may have made it as long as it likes. */
function isText(path: string, text: string): boolean {
  return statSync(path).size === Buffer.byteLength(text) && readFileSync(path, 'utf8') === text;
}
