import { constants, type Stats } from 'node:fs';
import type { Diagnosis } from './diagnosis.js';

/** @param secret what the file tells whoever reads it. */
export function privacyOf(path: string, { mode }: Stats, secret: string): Diagnosis[] {
  if ((mode & (constants.S_IROTH | constants.S_IWOTH)) === 0) return [];
  return [
    {
      severity: 'warning',
      found: `everybody on this machine may ${(mode & constants.S_IWOTH) === 0 ? 'read' : 'change'} ${path}`,
      means: `it holds ${secret}`,
      remedy: `chmod o-rwx ${path}`,
    },
  ];
}
