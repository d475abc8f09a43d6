import { statfs } from 'node:fs/promises';
import { localFolder } from '../local-folder.js';
import { readableSize } from '../readable-size.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { Machine } from './machine.js';

/** Of all, below which there is little left. */
const LITTLE = 0.05;

/** Whether there is room for more, in bytes and in files. */
export const freeSpaceCheck: Check<Machine> = {
  name: 'free space',
  run: async ({ loaded: { config }, env }) => {
    const folder = localFolder(config, env);
    const info = folder && (await statfs(folder).catch(() => undefined));
    if (!info) return [];
    const all: Diagnosis[] = [];
    const free = info.bavail * info.bsize;
    const remedy = 'berth gc --dry-run shows what can go; or make the disk larger';
    if (free < config.berth.minfreespace)
      all.push({
        severity: 'error',
        found: `only ${readableSize(free)} are free in ${folder}, less than berth.minfreespace`,
        means: '/debug/health reports a failure, and pushes will soon fail with 503',
        remedy,
      });
    else if (info.bavail < info.blocks * LITTLE)
      all.push({
        severity: 'warning',
        found: `only ${readableSize(free)} are free in ${folder}`,
        means: 'pushes fail with 503 once it is full; pulls go on',
        remedy,
      });
    // Some file systems make room for files as they need it, and say 0 or so.
    if (info.files > 0 && info.ffree < info.files * LITTLE)
      all.push({
        severity: info.ffree === 0 ? 'error' : 'warning',
        found: `there is room for only ${info.ffree} more files in ${folder} (inodes)`,
        means: 'pushes fail, though there is space; each layer takes several files and directories',
        remedy: 'make the file system anew with more inodes, or use one without a bound, such as xfs',
      });
    return all;
  },
};
