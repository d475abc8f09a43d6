import { readFile } from 'node:fs/promises';
import type { Check } from './diagnosis.js';
import type { Machine } from './machine.js';

/** A connection and a file for each of a thousand clients, and some. */
const ENOUGH = 4096;

/** How many files a process may have open that is started as this one was. */
export const openFilesCheck: Check<Machine> = {
  name: 'open files',
  run: async () => {
    const text = await readFile('/proc/self/limits', 'utf8').catch(() => '');
    // Node takes as much as it is allowed to.
    const [, , hard = 'unlimited'] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text) ?? [];
    const limit = Number(hard);
    if (Number.isNaN(limit) || limit >= ENOUGH) return [];
    return [
      {
        severity: 'warning',
        found: `a process that is started like this one may have ${limit} files open`,
        means:
          'each client takes a connection, and a file while it pushes or pulls: with many, requests fail',
        remedy: 'ulimit -Hn 65536 before the start, or LimitNOFILE=65536 in the unit of systemd',
      },
    ];
  },
};
