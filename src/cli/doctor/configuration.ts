import { existsSync } from 'node:fs';
import { formatNotice } from '../../registry/config/index.js';
import { tryParts } from '../config-trial.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { Machine } from './machine.js';

/** Where the images of the reference registry have it: v2, then v3. */
const USUAL_FILES = ['/etc/docker/registry/config.yml', '/etc/distribution/config.yml'];

/** What `berth config check` says. */
export const configurationCheck: Check<Machine> = {
  name: 'configuration',
  run: async ({ loaded, file }) => {
    const { problems, notices } = await tryParts(loaded);
    const all: Diagnosis[] = problems.map((problem) => ({
      severity: 'error',
      found: formatNotice(problem),
      means: 'the registry does not start',
      remedy: 'change the configuration, and see: berth config check',
    }));
    for (const notice of [...loaded.notices, ...notices])
      all.push({
        severity: notice.level === 'warn' ? 'warning' : 'note',
        found: formatNotice(notice),
        means: 'the configuration does not do what somebody may believe',
        remedy: 'change it, or leave it: berth config check shows what takes effect',
      });
    return [...all, ...unread(file)];
  },
};

function unread(file: string | undefined): Diagnosis[] {
  if (file !== undefined) return [];
  return USUAL_FILES.filter((path) => existsSync(path)).map((path) => ({
    severity: 'warning',
    found: `${path} is there, and is not read`,
    means: 'the registry starts with its built-in defaults: no file was named',
    remedy: `berth serve ${path}, or REGISTRY_CONFIGURATION_PATH=${path}`,
  }));
}
