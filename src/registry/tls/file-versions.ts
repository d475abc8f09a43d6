import { stat } from 'node:fs/promises';

/**
 * Names the present state of some files: it differs once one of them was written, replaced, removed or made.
 * A missing file has a state too, so this never fails.
 */
export async function fileVersions(paths: readonly string[]): Promise<string> {
  const versions = await Promise.all(
    paths.map((path) =>
      stat(path, { bigint: true }).then(
        ({ dev, ino, size, mtimeNs }) => `${dev}:${ino}:${size}:${mtimeNs}`,
        (error: NodeJS.ErrnoException) => `${error.code}`,
      ),
    ),
  );
  return versions.join(' ');
}
