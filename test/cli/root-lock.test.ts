import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockRoot, RootTakenError } from '../../src/cli/root-lock.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('lockRoot', () => {
  it('gives a directory to one at a time', async () => {
    await using folder = await temporaryFolder();
    const first = lockRoot(folder.path);
    expect(() => lockRoot(folder.path)).toThrow(RootTakenError);
    expect(() => lockRoot(folder.path)).toThrow(`berth serve (process ${process.pid} on `);
    first[Symbol.dispose]();
    using _second = lockRoot(folder.path);
    expect(() => lockRoot(folder.path)).toThrow(RootTakenError);
  });

  it('is not waited for by who can do without', async () => {
    await using folder = await temporaryFolder();
    using _server = lockRoot(folder.path);
    const wait = () => {
      const asked = performance.now();
      expect(() => lockRoot(folder.path, { waitMs: 5 })).toThrow(RootTakenError);
      return performance.now() - asked;
    };
    await expect.poll(wait).toBeLessThan(100); // on a busy machine not each
  });

  it('begins anew where its file is damaged', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'berth'));
    await writeFile(
      join(folder.path, 'berth/server.sqlite'),
      'no database, but long enough to look at'.repeat(30),
    );
    using _lock = lockRoot(folder.path);
    expect(() => lockRoot(folder.path)).toThrow(RootTakenError);
  });

  it('is another failure where nothing can be locked', () =>
    expect(() => lockRoot('/dev/null')).toThrow(expect.objectContaining({ code: 'ENOTDIR' })));
});
