import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './run.js';

/** Copies programs of this machine, with the libraries that they need, into a root file system. */
export async function copyPrograms(root: string, programs: readonly string[]): Promise<void> {
  for (const program of programs) {
    const listed = await run(['ldd', program]);
    const libraries = [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
    for (const path of [program, ...libraries]) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await copyFile(path, join(root, path));
    }
  }
}
