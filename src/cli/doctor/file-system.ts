import { statfs } from 'node:fs/promises';
import { localFolder } from '../local-folder.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { Machine } from './machine.js';

type Kind = Readonly<{ name: string } & Omit<Diagnosis, 'found'>>;

const LOCKS = 'locks and renames over the network may not do what the index and the lock of the server need';
const LOCAL = 'keep the files on a disk of this machine, or in a bucket of S3';
const OWN_INDEX = `${LOCAL}; at least set berth.index.path to a file on a disk of this machine`;

/** By the number that the kernel has for each: statfs(2). */
const KINDS: ReadonlyMap<number, Kind> = new Map([
  [0x6969, { name: 'NFS', severity: 'warning', means: LOCKS, remedy: OWN_INDEX }],
  [0x517b, { name: 'SMB', severity: 'warning', means: LOCKS, remedy: OWN_INDEX }],
  [0xff534d42, { name: 'CIFS', severity: 'warning', means: LOCKS, remedy: OWN_INDEX }],
  [0xfe534d42, { name: 'SMB 2', severity: 'warning', means: LOCKS, remedy: OWN_INDEX }],
  [0x01021997, { name: '9p', severity: 'warning', means: LOCKS, remedy: OWN_INDEX }],
  [
    0x65735546,
    {
      name: 'FUSE',
      severity: 'note',
      means: 'whether a file is durable once it was written is up to the program behind it',
      remedy: LOCAL,
    },
  ],
  [
    0x4d44,
    {
      name: 'FAT',
      severity: 'error',
      means: 'there are neither owners nor safe renames',
      remedy: LOCAL,
    },
  ],
  [
    0x794c7630,
    {
      name: 'overlay',
      severity: 'warning',
      means: 'in a container, all images are lost with it',
      remedy: 'give the container a volume for the root directory',
    },
  ],
  [
    0x01021994,
    {
      name: 'tmpfs',
      severity: 'warning',
      means: 'all images are lost when the machine stops',
      remedy: 'keep the files on a disk',
    },
  ],
]);

/** On what kind of file system the files are. */
export const fileSystemCheck: Check<Machine> = {
  name: 'file system',
  run: async ({ loaded: { config }, env }) => {
    const folder = localFolder(config, env);
    if (folder === undefined || config.storage.filesystem === undefined) return [];
    const type = await statfs(folder).then(
      (info) => info.type >>> 0,
      () => undefined,
    );
    const kind = type === undefined ? undefined : KINDS.get(type);
    if (kind === undefined) return [];
    const { name, ...rest } = kind;
    return [{ ...rest, found: `${folder} is on ${name}` }];
  },
};
