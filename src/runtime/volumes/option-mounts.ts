import { UMOUNT_FLAGS, umount } from '../../linux/index.js';
import { RuntimeError } from '../errors.js';
import { isMountPoint } from '../own-mounts.js';
import { requiredProgram, runProgram } from '../programs.js';
import type { OptionMount } from './volume-options.js';

/** Mounts what a volume's options say on its directory, unless that was done before. @throws {RuntimeError} */
export async function mountOptions(
  { type, device, options }: OptionMount,
  directory: string,
  volume: string,
): Promise<void> {
  if (isMountPoint(directory)) return;
  const program = requiredProgram('mount', { package: 'mount', for: `the volume ${volume}` });
  const more = options === '' ? [] : ['-o', options];
  try {
    // It knows the words for flags, and the helpers of network file systems.
    await runProgram([program, '-n', '-t', type, ...more, '--', device, directory]);
  } catch (error) {
    throw new RuntimeError(
      `cannot mount the volume ${volume} (type=${type}, device=${device}, o=${options}): ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** Safe to repeat. */
export function unmountOptions(directory: string): void {
  while (isMountPoint(directory)) umount(directory, UMOUNT_FLAGS.detach | UMOUNT_FLAGS.noFollow);
}
