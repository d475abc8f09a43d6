import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory and those above it; nothing is said of what is there already. Node's own recursive mkdir tries for ever
 * where nothing can be made, as in /proc: this is for paths that people choose.
 * @param mode of each that is made, less the umask.
 */
export function makeDirectories(path: string, mode = 0o777): void {
  if (makeOne(path, mode) !== 'absent') return;
  if (dirname(path) !== path) makeDirectories(dirname(path), mode);
  if (makeOne(path, mode) === 'absent') mkdirSync(path); // for what the system says
}

/** @returns 'absent' where the directory above it is. */
function makeOne(path: string, mode: number): 'made' | 'present' | 'absent' {
  try {
    mkdirSync(path, { mode });
    return 'made';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return 'present';
    if (code === 'ENOENT') return 'absent';
    throw error;
  }
}
