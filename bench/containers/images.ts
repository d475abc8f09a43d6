import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Engine } from './engines.ts';

const FILE_BYTES = 100_000;

/**
 * Writes an archive for `load`, of busybox and files that only one half of can be compressed.
 * @param writer what makes the archive; the image is not kept there.
 */
export function writeArchive(
  writer: Engine,
  { directory, name, extraBytes }: Readonly<{ directory: string; name: string; extraBytes: number }>,
): string {
  // In memory: without a journal, ext4 looks at each file that was removed lately before it makes one.
  const root = mkdtempSync('/dev/shm/berth-bench-');
  const tar = path.join(directory, 'root-of-image.tar');
  const archive = path.join(directory, `${name.replace(/\W/g, '-')}.tar`);
  try {
    writeRoot(root, extraBytes);
    execFileSync('tar', ['-C', root, '--numeric-owner', '-cf', tar, '.']);
  } finally {
    rmSync(root, { recursive: true });
  }
  for (const args of [
    ['import', '-c', 'CMD ["sh"]', tar, name],
    ['save', '--format', 'docker-archive', '-o', archive, name],
    ['rmi', name],
  ]) {
    const { argv, env } = writer.command(args);
    execFileSync(argv[0] ?? '', argv.slice(1), { env, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  rmSync(tar);
  return archive;
}

function writeRoot(root: string, extraBytes: number): void {
  for (const folder of ['bin', 'etc', 'tmp', 'proc', 'sys', 'dev', 'data'])
    mkdirSync(path.join(root, folder), { recursive: true });
  copyFileSync('/bin/busybox', path.join(root, 'bin/busybox'));
  execFileSync('chroot', [root, '/bin/busybox', '--install', '-s', '/bin']);
  for (let at = 0; at < extraBytes; at += FILE_BYTES) {
    const half = randomBytes(FILE_BYTES / 2);
    writeFileSync(path.join(root, `data/${at}`), Buffer.concat([half, Buffer.alloc(FILE_BYTES / 2)]));
  }
}
