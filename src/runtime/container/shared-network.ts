import { readFileSync, statSync } from 'node:fs';
import { RuntimeError } from '../errors.js';
import type { ContainerFolder } from './container-folder.js';
import { hostnameOf } from './names.js';
import { type FindRunning, namedContainer } from './namespaces.js';

/** Of text that the other container may have written itself. */
const MAX_BYTES = 1024 * 1024;

type Finders = Readonly<{ findRunning: FindRunning; folderOf: (id: string) => ContainerFolder }>;

/**
 * What a container has of another one whose network it is in: as in docker its name too, and who is called what there.
 * @returns nothing where the mode names none. @throws {ContainerStateError} that does not run.
 */
export async function sharedNetwork(mode: string, { findRunning, folderOf }: Finders) {
  const name = namedContainer(mode);
  if (name === undefined) return undefined;
  const owner = await findRunning(name);
  const folder = folderOf(owner.id);
  const textOf = (file: 'hosts' | 'resolv.conf') => readText(folder.file(file));
  return {
    network: { path: `/proc/${owner.state.pid}/ns/net` },
    files: { hosts: textOf('hosts'), resolvConf: textOf('resolv.conf') },
    hostname: startedName(folder) || hostnameOf(owner), // '' where that is the machine's
  };
}

/** With which it was started: that of a third where it is itself in another one's network, also when that is gone by now. */
function startedName(folder: ContainerFolder): string {
  const { hostname } = JSON.parse(readFileSync(folder.file('config.json'), 'utf8')) as { hostname: string };
  return hostname;
}

function readText(path: string): string {
  if (statSync(path).size > MAX_BYTES) throw new RuntimeError(`${path} is too large to be shared`);
  return readFileSync(path, 'utf8');
}
