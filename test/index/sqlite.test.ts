import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IndexUnavailableError, SqliteIndex } from '../../src/index/index.js';
import { parseDigest } from '../../src/oci/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { app, describeMetadataIndex, digest, manifest, now } from './contract.js';

describeMetadataIndex('SQLite', async () => {
  const index = new SqliteIndex(':memory:');
  return { index, [Symbol.asyncDispose]: () => index.close() };
});

describe('SqliteIndex', () => {
  it('keeps what must still be deleted over a restart', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'index.sqlite');
    const before = new SqliteIndex(path);
    await before.beginDeletes(app, [{ digest: digest('a') }], now);
    await before.close();
    const after = new SqliteIndex(path);
    const [pending] = await after.pendingDeletes();
    expect(pending).toMatchObject({ repository: app, key: { digest: digest('a') } });
    if (pending) await after.endDeletes([pending]);
    expect(await after.pendingDeletes()).toEqual([]);
    await after.close();
  });

  it('looks at no more than a part of a repository at a time, however little it finds', async () => {
    const index = new SqliteIndex(':memory:');
    const numbered = (i: number) => parseDigest(`sha256:${i.toString(16).padStart(64, '0')}`);
    const digests = Array.from({ length: 1500 }, (_, i) => numbered(i));
    const references = digests.map((each) => ({ kind: 'layer' as const, digest: each }));
    await index.putManifest(app, { ...manifest('a'), references }, []);
    for (const each of digests)
      await index.putBlob(app, { digest: each, canonical: each, size: 1, linkedAt: now });
    const unneeded = { before: new Date(9000), limit: 100 };
    const first = await index.unneededBlobs(app, unneeded);
    expect(first).toEqual({ digests: [], next: numbered(999) });
    expect(await index.unneededBlobs(app, { ...unneeded, after: first.next })).toEqual({ digests: [] });
    await index.close();
  });

  it.each(['deleted', 'replaced'])('notices that its file was %s while it was open', async (how) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'folder', 'index.sqlite');
    const index = new SqliteIndex(path);
    await index.putManifest(app, manifest('a'), []);
    await index.check();
    expect(index.generation).toBe(0);
    await rm(join(folder.path, 'folder'), { recursive: true });
    const other = how === 'replaced' ? new SqliteIndex(path) : undefined;
    await other?.putManifest(app, manifest('b'), []);
    await index.check();
    expect(index.generation).toBe(1);
    await index.putManifest(app, manifest('c'), []);
    const reader = other ?? new SqliteIndex(path);
    expect((await reader.contents(app)).manifests).toEqual(
      new Set(how === 'replaced' ? [digest('b'), digest('c')] : [digest('c')]),
    );
    await index.check();
    expect(index.generation).toBe(1);
    await Promise.all([index.close(), reader.close()]);
  });

  it('is one to all processes again when its log alone was removed', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'index.sqlite');
    const first = new SqliteIndex(path, { shared: true });
    await first.putManifest(app, manifest('a'), []);
    for (const suffix of ['-wal', '-shm']) await rm(path + suffix);
    await first.putManifest(app, manifest('b'), []);
    expect(first.generation).toBe(1);
    const second = new SqliteIndex(path, { shared: true });
    expect((await second.contents(app)).manifests).toEqual(new Set([digest('b')]));
    await second.putManifest(app, manifest('c'), []);
    expect((await first.contents(app)).manifests).toEqual(new Set([digest('b'), digest('c')]));
    await Promise.all([first.close(), second.close()]);
  });

  it('is not taken to agree with the files when it was lost while they were compared', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'index.sqlite');
    const index = new SqliteIndex(path, { shared: true });
    const { generation } = index;
    await rm(path);
    await index.comparison.end(generation); // which finds it gone
    expect((await index.comparison.get()).complete).toBe(false);
    await index.comparison.end(index.generation);
    expect((await index.comparison.get()).complete).toBe(true);
    await index.close();
  });

  it('is away, and not one of its own for each process, while its file cannot be made anew', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'index.sqlite');
    const index = new SqliteIndex(path, { shared: true });
    await rm(path);
    await mkdir(path);
    for (let times = 0; times < 2; times += 1)
      await expect(index.putManifest(app, manifest('a'), [])).rejects.toThrow(IndexUnavailableError);
    await rmdir(path);
    await index.putManifest(app, manifest('a'), []);
    expect(index.generation).toBe(1);
    const other = new SqliteIndex(path, { shared: true });
    expect(await other.hasManifests(app)).toBe(true);
    await Promise.all([index.close(), other.close()]);
  });

  it('begins anew where the file is no database', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'index.sqlite');
    await writeFile(path, 'not a database, but long enough to look like one to somebody'.repeat(100));
    const index = new SqliteIndex(path);
    expect(await index.allRepositories()).toEqual([]);
    await index.close();
  });
});
