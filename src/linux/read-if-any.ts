import { readFileSync } from 'node:fs';

/** The text of a small file, such as the kernel's own are; '' of one that is not there, or is not for us. */
export function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
