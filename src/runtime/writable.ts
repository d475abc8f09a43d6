import { accessSync, constants } from 'node:fs';

/** Whether this process may write to it, which not even root may where it is mounted read-only. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
