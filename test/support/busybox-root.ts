import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.js';

/**
 * Writes a root file system of one busybox, with the users root and daemon, as a tar.
 * @returns its path, below `folder`.
 */
export async function writeBusyboxRoot(folder: string): Promise<string> {
  const root = join(folder, 'busybox-root');
  for (const name of ['bin', 'etc', 'tmp', 'proc', 'sys', 'dev', 'run']) {
    await mkdir(join(root, name), { recursive: true });
  }
  await chmod(join(root, 'tmp'), 0o1777);
  await copyFile('/bin/busybox', join(root, 'bin/busybox'));
  await run(['chroot', root, '/bin/busybox', '--install', '-s', '/bin']);
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\ndaemon:x:1:\n');
  const tar = join(folder, 'busybox-root.tar');
  await run(['tar', '-C', root, '--numeric-owner', '--owner=0', '--group=0', '-cf', tar, '.']);
  return tar;
}
