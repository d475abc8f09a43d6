import { access, constants, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Check, Diagnosis } from './diagnosis.js';
import type { Machine } from './machine.js';

/** What a server writes into. */
const PLACES = [
  '.',
  'docker',
  'docker/registry',
  'docker/registry/v2',
  'docker/registry/v2/blobs',
  'docker/registry/v2/blobs/sha256',
  'docker/registry/v2/repositories',
  'berth',
  'berth/index.sqlite',
  'berth/server.sqlite',
];

/** Whether the files can be written, and by one user. */
export const rootDirectoryCheck: Check<Machine> = {
  name: 'root directory',
  run: async ({ loaded: { config } }) => {
    const { filesystem, maintenance } = config.storage;
    if (filesystem === undefined) return [];
    const root = resolve(filesystem.rootdirectory);
    const owners = new Map<number, string>();
    const all: Diagnosis[] = [];
    for (const place of PLACES) {
      const path = join(root, place);
      const info = await stat(path).catch(() => undefined);
      if (info === undefined) continue;
      if (!owners.has(info.uid)) owners.set(info.uid, path);
      if (info.isDirectory() && (info.mode & constants.S_IWOTH) !== 0 && (info.mode & STICKY) === 0)
        all.push(writableByAll(path));
      const mode = maintenance.readonly.enabled ? constants.R_OK : constants.R_OK | constants.W_OK;
      const allowed = await access(path, mode).then(
        () => true,
        () => false,
      );
      if (!allowed) all.push(notAllowed(path));
    }
    if (owners.size === 0) all.push(absent(root));
    if (owners.size > 1) all.push(mixed(owners));
    return all;
  },
};

const STICKY = 0o1000;

function absent(root: string): Diagnosis {
  return {
    severity: 'note',
    found: `there is no ${root}`,
    means: 'the registry makes it at its first start',
    remedy: 'if there should be one, see storage.filesystem.rootdirectory, which may be relative',
  };
}

function notAllowed(path: string): Diagnosis {
  const uid = process.getuid?.();
  return {
    severity: 'error',
    found: `${path} cannot be written by user ${uid}`,
    means: 'pushes fail, if the registry runs as that user',
    remedy: 'ask as the user that the registry runs as; if this is the one, give it the files with chown -R',
  };
}

function writableByAll(path: string): Diagnosis {
  return {
    severity: 'warning',
    found: `everybody on this machine may write into ${path}`,
    means: 'anybody can put images into the registry, or take them away',
    remedy: `chmod o-w ${path}`,
  };
}

function mixed(owners: ReadonlyMap<number, string>): Diagnosis {
  const named = [...owners].map(([uid, path]) => `${path} to ${uid}`).join(', ');
  return {
    severity: 'warning',
    found: `the files belong to several users: ${named}`,
    means: 'the registry once ran as somebody else, and may not be able to write some of them now',
    remedy: 'give them to the user that the registry runs as, with chown -R',
  };
}
