import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { ContainerFolder } from './container-folder.js';
import type { HealthResult } from './health.js';

/** As inspect shows them. */
const KEPT = 5;

/** The last checks of the last run of a container, the oldest first. */
export function readHealthLog(folder: ContainerFolder): readonly HealthResult[] {
  try {
    return JSON.parse(readFileSync(folder.file('health.json'), 'utf8')) as HealthResult[];
  } catch {
    return []; // nobody has checked it yet
  }
}

/** Whoever reads meanwhile sees all of it or nothing. For the one process that checks containers. */
export function addToHealthLog(folder: ContainerFolder, result: HealthResult): void {
  const path = folder.file('health.json');
  writeFileSync(`${path}.new`, JSON.stringify([...readHealthLog(folder), result].slice(-KEPT)));
  renameSync(`${path}.new`, path);
}
