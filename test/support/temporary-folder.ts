import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type TemporaryFolder = AsyncDisposable & Readonly<{ path: string }>;

/** A folder of the test's own, gone with the scope: `await using folder = await temporaryFolder()`. */
export async function temporaryFolder(name = 'berth'): Promise<TemporaryFolder> {
  // Short and in lower case: podman makes names of images out of paths, and sockets lie in here.
  const path = join(tmpdir(), `${name}-test-${randomBytes(6).toString('hex')}`);
  await mkdir(path, { mode: 0o700 });
  return {
    path,
    // What a test has ended may be at its last words in there.
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 10 }),
  };
}
