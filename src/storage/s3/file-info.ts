import type { FileInfo } from '../driver.js';

/** Objects are never changed: a new one takes the place of the old. */
export function fileInfo(size: number, modifiedAt: Date): FileInfo {
  return { size, modifiedAt, changedAt: modifiedAt, directory: false };
}
