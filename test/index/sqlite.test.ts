import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ManifestRecord, SqliteIndex } from '../../src/index/index.js';
import { parseDigest, parseRepositoryName, parseTag } from '../../src/oci/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const app = parseRepositoryName('team/app');
const now = new Date(1000);

describe('SqliteIndex', () => {
  it('finds a manifest by digest and by tag', async () => {
    const index = new SqliteIndex(':memory:');
    await index.putManifest(app, manifest('a'), [parseTag('v1')]);
    expect(await index.findManifest(app, { digest: digest('a') })).toMatchObject({ mediaType: 'text/x' });
    expect((await index.findManifest(app, { tag: parseTag('v1') }))?.digest).toBe(digest('a'));
    expect(await index.findManifest(parseRepositoryName('other'), { digest: digest('a') })).toBeUndefined();
  });

  it('moves a tag', async () => {
    const index = new SqliteIndex(':memory:');
    await index.putManifest(app, manifest('a'), [parseTag('v1')]);
    await index.putManifest(app, manifest('b'), [parseTag('v1')]);
    expect(await index.findTag(app, parseTag('v1'))).toBe(digest('b'));
    expect(await index.tagsOf(app, digest('a'))).toEqual([]);
  });

  it('drops a manifest with its tags', async () => {
    const index = new SqliteIndex(':memory:');
    await index.putManifest(app, manifest('a'), [parseTag('v1'), parseTag('v2')]);
    await index.dropManifest(app, digest('a'));
    expect(await index.listTags(app, { limit: 10 })).toEqual({ json: '[]', last: undefined, more: false });
    expect(await index.listRepositories({ limit: 10 })).toEqual([]);
  });

  it('lists a repository as long as it has a manifest', async () => {
    const index = new SqliteIndex(':memory:');
    const listed = () => index.listRepositories({ limit: 10 });
    await index.putManifest(app, manifest('a'), []);
    await index.putManifest(app, manifest('a'), [parseTag('again')]);
    await index.putManifest(app, manifest('b'), []);
    await index.dropManifest(app, digest('a'));
    expect(await listed()).toEqual([app]);
    await index.dropManifest(app, digest('b'));
    expect(await listed()).toEqual([]);
    await index.putManifest(app, manifest('a'), []);
    expect(await listed()).toEqual([app]);
  });

  it('lists tags and repositories in byte order, by pages', async () => {
    const index = new SqliteIndex(':memory:');
    for (const name of ['a/b', 'a', 'a-b'])
      await index.putManifest(parseRepositoryName(name), manifest('a'), []);
    expect(await index.listRepositories({ limit: 10 })).toEqual(['a', 'a-b', 'a/b']);
    expect(await index.listRepositories({ limit: 1, after: 'a' })).toEqual(['a-b']);
    expect(await index.listRepositories({ limit: 9, containing: '/' })).toEqual(['a/b']);
    await index.putManifest(app, manifest('a'), ['b', 'B', 'a.1', 'a-1', '_'].map(parseTag));
    const all = { json: '["B","_","a-1","a.1","b"]', last: 'b', more: false };
    expect(await index.listTags(app, { limit: 9 })).toEqual(all);
    expect(await index.listTags(app, { limit: 5 })).toEqual(all);
    const one = { json: '["a-1"]', last: 'a-1', more: true };
    expect(await index.listTags(app, { limit: 1, after: 'a' })).toEqual(one);
  });

  it('lists referrers by artifact type', async () => {
    const index = new SqliteIndex(':memory:');
    const subject = digest('f');
    await index.putManifest(app, { ...manifest('a'), subject, artifactType: 'sig' }, []);
    await index.putManifest(app, { ...manifest('b'), subject, artifactType: undefined }, []);
    const page = { limit: 10, maxBytes: 1000, artifactTypes: [] };
    expect((await index.listReferrers(app, subject, page)).map((r) => r.digest)).toEqual([
      digest('a'),
      digest('b'),
    ]);
    expect(await index.listReferrers(app, subject, { ...page, artifactTypes: ['sig'] })).toEqual([
      { digest: digest('a'), mediaType: 'text/x', size: 1, artifactType: 'sig', annotations: { k: 'v' } },
    ]);
  });

  it('tells what is missing among blobs and manifests', async () => {
    const index = new SqliteIndex(':memory:');
    await index.putBlob(app, { digest: digest('a'), canonical: digest('a'), size: 1, linkedAt: now });
    await index.putManifest(app, manifest('b'), []);
    expect(await index.missing(app, [digest('c'), digest('a'), digest('b')])).toEqual([digest('c')]);
  });

  it('applies changes only to the version they were made for', async () => {
    const index = new SqliteIndex(':memory:');
    const { version } = await index.contents(app);
    await index.putManifest(app, manifest('a'), []);
    const changes = {
      putBlobs: [],
      dropBlobs: [],
      putManifests: [],
      dropManifests: [digest('a')],
      putTags: [],
      dropTags: [],
      unreadable: undefined,
    };
    expect(await index.applyChanges(app, changes, version)).toBe(false);
    expect(await index.hasManifests(app)).toBe(true);
    expect(await index.applyChanges(app, changes, (await index.contents(app)).version)).toBe(true);
    expect(await index.hasManifests(app)).toBe(false);
  });

  it('remembers pulls and sums up sizes', async () => {
    const index = new SqliteIndex(':memory:');
    await index.putBlob(app, { digest: digest('a'), canonical: digest('a'), size: 41, linkedAt: now });
    await index.putManifest(app, manifest('b'), [parseTag('v1')]);
    await index.recordPulls([{ repository: app, key: { tag: parseTag('v1') }, at: new Date(5000) }]);
    expect(await index.usage()).toEqual([
      { repository: app, bytes: 42, manifests: 1, tags: 1, pushedAt: now, pulledAt: new Date(5000) },
    ]);
  });

  it('keeps what must still be deleted over a restart', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'index.sqlite');
    const before = new SqliteIndex(path);
    await before.beginDelete(app, { digest: digest('a') }, now);
    await before.close();
    const after = new SqliteIndex(path);
    const [pending] = await after.pendingDeletes();
    expect(pending).toMatchObject({ repository: app, key: { digest: digest('a') } });
    if (pending) await after.endDelete(pending);
    expect(await after.pendingDeletes()).toEqual([]);
    await after.close();
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

  it('begins anew where the file is no database', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'index.sqlite');
    await writeFile(path, 'not a database, but long enough to look like one to somebody'.repeat(100));
    const index = new SqliteIndex(path);
    expect(await index.allRepositories()).toEqual([]);
    await index.close();
  });
});

function digest(letter: string) {
  return parseDigest(`sha256:${letter.repeat(64)}`);
}

function manifest(letter: string): ManifestRecord {
  return {
    digest: digest(letter),
    canonical: digest(letter),
    mediaType: 'text/x',
    artifactType: undefined,
    subject: undefined,
    annotations: { k: 'v' },
    references: [{ kind: 'config', digest: digest('c') }],
    bytes: Buffer.from('x'),
    pushedAt: now,
  };
}
