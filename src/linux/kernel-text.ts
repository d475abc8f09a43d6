import { readFileSync } from 'node:fs';

/** The text of a small file, such as the kernel's own are; '' for one that is not there, or is not for us. */
export function kernelText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
