import { describe, expect, it } from 'vitest';
import type { ManifestRecord, MetadataIndex, Part, PushPlace, Unneeded } from '../../src/index/index.js';
import { type Digest, parseDigest, parseRepositoryName, parseTag } from '../../src/oci/index.js';

export const app = parseRepositoryName('team/app');
const other = parseRepositoryName('other');
export const now = new Date(1000);

/** What every index of metadata promises. @param open an empty one; it is closed by its scope. */
export function describeMetadataIndex(
  name: string,
  open: () => Promise<{ index: MetadataIndex } & AsyncDisposable>,
): void {
  describe(`${name} as an index of metadata`, () => {
    it('finds a manifest by digest and by tag', async () => {
      await using opened = await open();
      const { index } = opened;
      await index.putManifest(app, manifest('a'), [parseTag('v1')]);
      const stored = { digest: digest('a'), mediaType: 'text/x', bytes: Buffer.from('x') };
      expect(plain(await index.findManifest(app, { digest: digest('a') }))).toEqual(plain(stored));
      expect((await index.findManifest(app, { tag: parseTag('v1') }))?.digest).toBe(digest('a'));
      expect(await index.findManifest(other, { digest: digest('a') })).toBeUndefined();
    });

    it('knows how far it was compared with the files', async () => {
      await using opened = await open();
      const { index } = opened;
      expect(await index.comparison.get()).toEqual({ complete: false, distrusted: [] });
      for (const repository of [app, other, app]) await index.comparison.setTrusted(repository, false);
      await index.comparison.end(index.generation);
      await index.comparison.setTrusted(other, true);
      expect(await index.comparison.get()).toEqual({ complete: true, distrusted: [app] });
      await index.comparison.begin();
      expect(await index.comparison.get()).toEqual({ complete: false, distrusted: [] });
    });

    it('takes a manifest twice, with tags named twice', async () => {
      await using opened = await open();
      const { index } = opened;
      const again = { ...manifest('a'), bytes: Buffer.from([0, 255, 10]), pushedAt: new Date(9000) };
      await index.putManifest(app, manifest('a'), [parseTag('v1'), parseTag('v1')]);
      await index.putManifest(app, again, [parseTag('v1')]);
      expect(Buffer.from((await index.findManifest(app, { digest: digest('a') }))?.bytes ?? [])).toEqual(
        again.bytes,
      );
      expect(await index.tagUses(app)).toEqual([
        { tag: 'v1', digest: digest('a'), taggedAt: again.pushedAt, pulledAt: undefined },
      ]);
    });

    it('finds a blob, and remembers when it was linked last', async () => {
      await using opened = await open();
      const { index } = opened;
      await index.putBlob(app, { ...blob('a'), linkedAt: new Date(5000) });
      await index.putBlob(app, blob('a'));
      expect(await index.findBlob(app, digest('a'))).toEqual({ ...blob('a'), linkedAt: new Date(5000) });
      expect(await index.touchBlob(app, digest('a'), new Date(7000))).toBe(true);
      expect((await index.findBlob(app, digest('a')))?.linkedAt).toEqual(new Date(7000));
      expect(await index.touchBlob(app, digest('b'), now)).toBe(false);
      await index.putBlob(other, blob('a'));
      expect(await index.repositoriesWithBlob(digest('a'), { limit: 9 })).toEqual([other, app]);
      expect(await index.repositoriesWithBlob(digest('a'), { limit: 1 })).toEqual([other]);
      expect(await index.repositoriesWithBlob(digest('a'), { after: other, limit: 1 })).toEqual([app]);
      expect(await index.repositoriesWithBlob(digest('a'), { prefix: 'team/', limit: 9 })).toEqual([app]);
      expect(await index.repositoriesWithBlob(digest('a'), { prefix: 'te_', limit: 9 })).toEqual([]);
      await index.dropBlobs(app, [digest('a')]);
      expect(await index.findBlob(app, digest('a'))).toBeUndefined();
      expect(await index.repositoriesWithBlob(digest('a'), { limit: 9 })).toEqual([other]);
    });

    it('moves a tag', async () => {
      await using opened = await open();
      const { index } = opened;
      await index.putManifest(app, manifest('a'), [parseTag('v1')]);
      await index.putManifest(app, manifest('b'), [parseTag('v1')]);
      expect(await index.findTag(app, parseTag('v1'))).toBe(digest('b'));
      expect(await index.tagsOf(app, digest('a'))).toEqual([]);
      await index.dropTag(app, parseTag('v1'));
      expect(await index.findTag(app, parseTag('v1'))).toBeUndefined();
    });

    it('drops a manifest with its tags and what it refers to', async () => {
      await using opened = await open();
      const { index } = opened;
      await index.putManifest(app, manifest('a'), [parseTag('v1'), parseTag('v2')]);
      expect(await index.tagsOf(app, digest('a'))).toEqual(['v1', 'v2']);
      expect(await index.isReferenced(app, digest('c'))).toBe(true);
      const { pushedAt } = manifest('a');
      expect(await index.isReferencedSince(app, digest('c'), pushedAt)).toBe(true);
      expect(await index.isReferencedSince(app, digest('d'), pushedAt)).toBe(false);
      expect(await index.isReferencedSince(app, digest('c'), new Date(pushedAt.getTime() + 1))).toBe(false);
      await index.dropManifests(app, [digest('a')]);
      expect(await index.isReferenced(app, digest('c'))).toBe(false);
      expect(await index.listTags(app, { limit: 10 })).toEqual({ json: '[]', last: undefined, more: false });
      expect(await index.listRepositories({ limit: 10 })).toEqual([]);
      expect(await index.allRepositories()).toEqual([app]);
    });

    it('lists a repository as long as it has a manifest', async () => {
      await using opened = await open();
      const { index } = opened;
      const listed = () => index.listRepositories({ limit: 10 });
      await index.putManifest(app, manifest('a'), []);
      await index.putManifest(app, manifest('a'), [parseTag('again')]);
      await index.putManifest(app, manifest('b'), []);
      await index.dropManifests(app, [digest('a')]);
      expect(await listed()).toEqual([app]);
      await index.dropManifests(app, [digest('b')]);
      expect(await listed()).toEqual([]);
      await index.putManifest(app, manifest('a'), []);
      expect(await listed()).toEqual([app]);
    });

    it('lists tags and repositories in byte order, by pages', async () => {
      await using opened = await open();
      const { index } = opened;
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
      expect((await index.tagUses(app)).map(({ tag }) => tag)).toEqual(['B', '_', 'a-1', 'a.1', 'b']);
    });

    it('lists referrers by artifact type, and no more bytes of them than asked for', async () => {
      await using opened = await open();
      const { index } = opened;
      const subject = digest('f');
      await index.putManifest(app, { ...manifest('a'), subject, artifactType: 'sig' }, []);
      await index.putManifest(app, { ...manifest('b'), subject, artifactType: undefined }, []);
      const page = { limit: 10, maxBytes: 1000, artifactTypes: [] };
      const listed = async (more: object) =>
        (await index.listReferrers(app, subject, { ...page, ...more })).map((referrer) => referrer.digest);
      expect(await listed({})).toEqual([digest('a'), digest('b')]);
      expect(await listed({ after: digest('a') })).toEqual([digest('b')]);
      expect(await listed({ maxBytes: 1 })).toEqual([digest('a')]);
      expect(await listed({ artifactTypes: ['none'] })).toEqual([]);
      expect(await index.listReferrers(app, subject, { ...page, artifactTypes: ['sig'] })).toEqual([
        { digest: digest('a'), mediaType: 'text/x', size: 1, artifactType: 'sig', annotations: { k: 'v' } },
      ]);
    });

    it('lists no more bytes of referrers than asked for, however long their digests are', async () => {
      await using opened = await open();
      const { index } = opened;
      const subject = digest('f');
      const more = { subject, artifactType: 'sig', annotations: {} };
      const sha512s = Array.from({ length: 128 }, (_, i) =>
        parseDigest(`sha512:${i.toString(16).padStart(128, '0')}`),
      );
      for (const each of sha512s)
        await index.putManifest(app, { ...manifest('a'), ...more, digest: each }, []);
      const page = { limit: 1000, maxBytes: 20_000, artifactTypes: [] };
      const listed = JSON.stringify(await index.listReferrers(app, subject, page));
      expect(listed.length).toBeLessThanOrEqual(20_000);
      expect(listed.length).toBeGreaterThan(10_000);
    });

    it('takes any text in an annotation and a type', async () => {
      await using opened = await open();
      const { index } = opened;
      const annotations = { 'k\0': '\ud800 "ü\n' };
      const odd = { ...manifest('a'), subject: digest('f'), annotations, artifactType: 'a\0b' };
      await index.putManifest(app, odd, []);
      const page = { limit: 10, maxBytes: 1000, artifactTypes: [] };
      expect(await index.listReferrers(app, digest('f'), page)).toMatchObject([{ annotations }]);
    });

    it('tells what is missing among blobs and manifests', async () => {
      await using opened = await open();
      const { index } = opened;
      await index.putBlob(app, blob('a'));
      await index.putManifest(app, manifest('b'), []);
      const asked = ['e', 'c', 'a', 'b', 'd'].map(digest);
      expect(await index.missing(app, asked)).toEqual(['e', 'c', 'd'].map(digest));
      expect(await index.missing(app, [])).toEqual([]);
    });

    it('applies changes only to the version they were made for', async () => {
      await using opened = await open();
      const { index } = opened;
      const { version } = await index.contents(app);
      await index.putManifest(app, manifest('a'), []);
      const drop = { ...NOTHING, dropManifests: [digest('a')] };
      expect(await index.applyChanges(app, drop, version)).toBe(false);
      expect(await index.hasManifests(app)).toBe(true);
      expect(await index.applyChanges(app, drop, (await index.contents(app)).version)).toBe(true);
      expect(await index.hasManifests(app)).toBe(false);
      expect(await index.applyChanges(other, NOTHING, 7)).toBe(false);
      expect(await index.versions()).toEqual(new Map([[app, 2]]));
    });

    it('applies every kind of change, and tells what it has then', async () => {
      await using opened = await open();
      const { index } = opened;
      const first = {
        ...NOTHING,
        putBlobs: [blob('a'), blob('d')],
        putManifests: [manifest('b')],
        putTags: [{ tag: parseTag('v1'), digest: digest('b'), taggedAt: now }],
        unreadable: ['/x/link', '/y/link'],
      };
      expect(await index.applyChanges(app, first, 0)).toBe(true);
      expect(await index.contents(app)).toEqual({
        version: 1,
        blobs: new Set([digest('a'), digest('d')]),
        manifests: new Set([digest('b')]),
        tags: new Map([['v1', digest('b')]]),
        unreadable: new Set(['/x/link', '/y/link']),
      });
      expect(await index.listRepositories({ limit: 9 })).toEqual([app]);
      expect((await index.usage())[0]?.pushedAt).toEqual(now);
      const second = {
        ...NOTHING,
        dropBlobs: [digest('d')],
        dropManifests: [digest('b')],
        dropTags: [parseTag('v1')],
        unreadable: ['/y/link'],
      };
      expect(await index.applyChanges(app, second, 1)).toBe(true);
      expect(await index.contents(app)).toEqual({
        version: 2,
        blobs: new Set([digest('a')]),
        manifests: new Set(),
        tags: new Map(),
        unreadable: new Set(['/y/link']),
      });
      expect(await index.unreadableLinks()).toEqual([{ repository: app, path: '/y/link' }]);
    });

    it('remembers pulls and sums up sizes', async () => {
      await using opened = await open();
      const { index } = opened;
      await index.putBlob(app, { ...blob('a'), size: 41 });
      await index.putBlob(other, { ...blob('a'), size: 41 });
      await index.putManifest(app, manifest('b'), [parseTag('v1')]);
      await index.putManifest(app, manifest('d'), []);
      const at = new Date(5000);
      await index.recordPulls([
        { repository: app, key: { tag: parseTag('v1') }, at: now },
        { repository: app, key: { tag: parseTag('v1') }, at },
        { repository: app, key: { digest: digest('d') }, at: new Date(4000) },
        { repository: parseRepositoryName('none'), key: { digest: digest('d') }, at },
      ]);
      expect(await index.usage()).toEqual([
        { repository: other, bytes: 41, manifests: 0, tags: 0, pushedAt: undefined, pulledAt: undefined },
        { repository: app, bytes: 43, manifests: 2, tags: 1, pushedAt: now, pulledAt: at },
      ]);
      expect(await index.tagUses(app)).toMatchObject([{ tag: 'v1', pulledAt: at }]);
      expect(await index.manifestUses([app, other])).toEqual([
        { repository: app, digest: digest('d'), usedAt: new Date(4000) },
        { repository: app, digest: digest('b'), usedAt: at },
      ]);
      expect(await index.manifestUses([app, other], digest('b'))).toEqual([
        { repository: app, digest: digest('b'), usedAt: at },
      ]);
      expect(await index.bytesIn([app, other])).toBe(41);
      expect((await index.pullsKnownSince()).getTime()).toBeGreaterThan(Date.now() - 60_000);
    });

    it('counts the pull of a list as a use of what it names, and none as of its beginning', async () => {
      await using opened = await open();
      const { index } = opened;
      const children = [{ kind: 'child' as const, digest: digest('b') }];
      await index.putManifest(app, { ...manifest('a'), references: children }, [parseTag('list')]);
      await index.putManifest(app, manifest('b'), []);
      const since = await index.pullsKnownSince();
      const at = new Date(Date.now() + 5000);
      await index.recordPulls([{ repository: app, key: { tag: parseTag('list') }, at }]);
      await index.putManifest(app, manifest('d'), []);
      expect(await index.manifestUses([app])).toEqual([
        { repository: app, digest: digest('d'), usedAt: since },
        { repository: app, digest: digest('a'), usedAt: at },
        { repository: app, digest: digest('b'), usedAt: at },
      ]);
    });

    it('knows the blobs that nothing needs', async () => {
      await using opened = await open();
      const { index } = opened;
      const sha512 = parseDigest(`sha512:${'e'.repeat(128)}`);
      for (const letter of ['a', 'b', 'c', 'd', 'e']) await index.putBlob(app, blob(letter));
      await index.putBlob(app, { ...blob('e'), digest: sha512 });
      const references = [{ kind: 'layer' as const, digest: sha512 }];
      await index.putManifest(app, manifest('f'), []); // names c
      await index.putManifest(app, { ...manifest('0'), references }, []);
      await index.touchBlob(app, digest('b'), new Date(9000));
      await index.putTrash({ ...trash('t'), references: [digest('d')] });
      const unneeded = { before: new Date(2000), limit: 9 };
      const found = async (more: Partial<Unneeded> = {}) =>
        (await index.unneededBlobs(app, { ...unneeded, ...more })).digests;
      expect(await found()).toEqual([digest('a')]);
      await index.dropTrash('t');
      await index.dropTrash('t');
      expect(await found()).toEqual([digest('a'), digest('d')]);
      expect(await found({ limit: 1 })).toEqual([digest('a')]);
      expect(await found({ after: digest('a') })).toEqual([digest('d')]);
      await index.putTrash({ ...trash('u'), references: [sha512] });
      await index.dropManifests(app, [digest('0')]);
      expect(await found()).toEqual([digest('a')]);
    });

    it('finds all garbage of a large repository, part by part', async () => {
      await using opened = await open();
      const { index } = opened;
      const numbered = (i: number) => parseDigest(`sha256:${i.toString(16).padStart(64, '0')}`);
      const sha512 = parseDigest(`sha512:${'e'.repeat(128)}`);
      const digests = Array.from({ length: 3500 }, (_, i) => numbered(i + 1));
      const unneeded = [1, 2, 3, 1999, 2000, 3500].map(numbered);
      const needed = digests.filter((each) => !unneeded.includes(each));
      const names = needed.map((each) => ({ kind: 'layer' as const, digest: each }));
      const manifests = digests.map((each, i) => ({
        ...manifest('a'),
        ...{ digest: each, canonical: each, references: [], pushedAt: new Date(i < 2500 ? 500 : 700) },
      }));
      const blobs = digests.map((each) => ({ ...blob('a'), digest: each, canonical: each }));
      await index.applyChanges(
        app,
        {
          ...NOTHING,
          putBlobs: [...blobs, { ...blob('e'), digest: sha512 }],
          putManifests: [...manifests, { ...manifest('f'), references: names, pushedAt: new Date(9000) }],
          putTags: needed.map((each, i) => ({ tag: parseTag(`t${i}`), digest: each, taggedAt: now })),
        },
        0,
      );
      const before = new Date(2000);
      const expected = [...unneeded, sha512].sort();
      for (const limit of [2, 3, 9]) {
        const parts = (after: Digest | undefined) => index.unneededBlobs(app, { before, limit, after });
        expect((await all(parts)).sort()).toEqual(expected);
      }
      expect(
        await all((after: PushPlace | undefined) => index.untaggedManifests(app, { before, after })),
      ).toEqual(unneeded);
    });

    it('knows the manifests that nothing leads to', async () => {
      await using opened = await open();
      const { index } = opened;
      const put = (letter: string, more: Partial<ManifestRecord>, ...tags: string[]) =>
        index.putManifest(app, { ...manifest(letter), ...more }, tags.map(parseTag));
      const list = (...letters: string[]) => ({
        references: letters.map((letter) => ({ kind: 'child' as const, digest: digest(letter) })),
      });
      await put('1', list('2'), 'v1');
      await put('2', list('3'));
      await put('3', {});
      await put('4', { subject: digest('3') }); // about what is needed
      await put('5', list('6')); // nobody names it
      await put('6', { subject: digest('7') });
      await put('7', {});
      await put('8', { pushedAt: new Date(9000) });
      await put('9', {});
      await put('a', {});
      await index.putTrash({ ...trash('t'), digest: digest('9') });
      await index.recordPulls([{ repository: app, key: { digest: digest('a') }, at: new Date(9000) }]);
      const before = new Date(2000);
      const { digests: untagged } = await index.untaggedManifests(app, { before });
      expect(untagged).toEqual(['2', '3', '4', '5', '6', '7', '9', 'a'].map(digest));
      expect(await index.unneededManifests(app, untagged, before)).toEqual(['5', '6', '7'].map(digest));
      const each = await Promise.all(untagged.map((one) => index.unneededManifests(app, [one], before)));
      expect(each.flat()).toEqual(['5', '6', '7'].map(digest));
      const others = ['7', '1', '8', 'b', '5'].map(digest); // b is not there
      expect(await index.unneededManifests(app, others, before)).toEqual(['7', '5'].map(digest));
      expect(await index.untaggedManifests(other, { before })).toEqual({ digests: [], next: undefined });
      expect(await index.unneededManifests(other, untagged, before)).toEqual([]);
    });

    it('leaves alone what is related to something young by detours', async () => {
      await using opened = await open();
      const { index } = opened;
      const before = new Date(2000);
      const put = (letter: string, more: Partial<ManifestRecord>) =>
        index.putManifest(app, { ...manifest(letter), ...more }, []);
      const list = (letter: string) => ({
        references: [{ kind: 'child' as const, digest: digest(letter) }],
      });
      await put('1', list('2'));
      await put('2', { subject: digest('3') });
      await put('3', list('4'));
      await put('4', {});
      await put('5', { subject: digest('4') });
      const all = ['1', '2', '3', '4', '5'].map(digest);
      expect(await index.unneededManifests(app, all, before)).toEqual(all);
      await index.recordPulls([{ repository: app, key: { digest: digest('1') }, at: new Date(9000) }]);
      for (const each of all) expect(await index.unneededManifests(app, [each], before)).toEqual([]);
    });

    it('knows digests of every algorithm', async () => {
      await using opened = await open();
      const { index } = opened;
      const [one, two] = ['1', '2'].map((letter) => parseDigest(`sha512:${letter.repeat(128)}`));
      const other = parseDigest('md5+b64:Zm9v_=-');
      if (!one || !two) throw new Error('there are two');
      const references = [{ kind: 'layer' as const, digest: other }];
      await index.putBlob(app, { ...blob('a'), digest: other });
      await index.putManifest(app, { ...manifest('1'), digest: one, references }, [parseTag('v1')]);
      await index.putManifest(app, { ...manifest('2'), digest: two, subject: one }, []);
      await index.putManifest(app, { ...manifest('3'), subject: one }, []);
      await index.beginDeletes(app, [{ digest: two }], now);
      expect(await index.findTag(app, parseTag('v1'))).toBe(one);
      expect(await index.findManifest(app, { tag: parseTag('v1') })).toMatchObject({ digest: one });
      expect(await index.findManifest(app, { digest: two })).toMatchObject({ digest: two });
      expect(await index.findBlob(app, other)).toMatchObject({ digest: other, canonical: digest('a') });
      expect(await index.missing(app, [digest('a'), other, one])).toEqual([digest('a')]);
      expect(await index.isReferenced(app, other)).toBe(true);
      expect((await index.pendingDeletes()).map(({ key }) => key)).toEqual([{ digest: two }]);
      const { blobs, manifests, tags } = await index.contents(app);
      expect([blobs, manifests, tags]).toEqual([
        new Set([other]),
        new Set([one, two, digest('3')]),
        new Map([['v1', one]]),
      ]);
      const page = { limit: 1, maxBytes: 10_000, artifactTypes: [] };
      const [first] = await index.listReferrers(app, one, page);
      const [second] = await index.listReferrers(app, one, { ...page, after: String(first?.digest) });
      expect(new Set([first?.digest, second?.digest])).toEqual(new Set([two, digest('3')]));
      expect(await index.listReferrers(app, one, { ...page, after: String(second?.digest) })).toEqual([]);
    });

    it('knows the bytes that nothing names', async () => {
      await using opened = await open();
      const { index } = opened;
      const sha512 = parseDigest(`sha512:${'e'.repeat(128)}`);
      await index.putBlob(app, blob('a'));
      await index.putBlob(other, { ...blob('b'), digest: sha512 });
      await index.putManifest(app, manifest('c'), []);
      await index.putTrash(trash('t')); // of d
      const asked = ['f', 'a', 'b', 'c', 'd', 'e'].map(digest);
      expect(await index.unlinked(asked)).toEqual(['f', 'e'].map(digest));
      expect(await index.trashIds()).toEqual(new Set(['t']));
      await index.dropTrash('t');
      expect(await index.unlinked(asked)).toEqual(['f', 'd', 'e'].map(digest));
      expect(await index.trashIds()).toEqual(new Set());
    });

    it('knows what shows some bytes', async () => {
      await using opened = await open();
      const { index } = opened;
      await index.putBlob(app, blob('a'));
      await index.putBlob(other, blob('a'));
      await index.putBlob(app, { ...blob('b'), canonical: digest('a') });
      await index.putManifest(other, manifest('a'), []);
      await index.putTrash({ ...trash('t'), canonical: digest('a') });
      expect(await index.usesOf(digest('a'))).toEqual([
        { repository: other, digest: digest('a'), kind: 'blob' },
        { repository: other, digest: digest('a'), kind: 'manifest' },
        { repository: app, digest: digest('a'), kind: 'blob' },
        { repository: app, digest: digest('a'), kind: 'manifest' },
        { repository: app, digest: digest('b'), kind: 'blob' },
      ]);
      expect(await index.usesOf(digest('b'))).toEqual([]);
      await index.putBlob(app, blob('c'));
      const counts = await index.countUses(['a', 'b', 'c'].map(digest));
      const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ canonical: digest(name), digest: digest(name) }));
      expect(counts).toHaveLength(5);
      expect(counts).toEqual(
        expect.arrayContaining([
          { ...a, kind: 'blob', count: 2 },
          { ...a, digest: b?.digest, kind: 'blob', count: 1 },
          { ...a, kind: 'manifest', count: 1 },
          { ...a, kind: 'manifest', count: 1 },
          { ...c, kind: 'blob', count: 1 },
        ]),
      );
      expect(await index.countUses([])).toEqual([]);
    });

    it('hands out each job once, the oldest first, unless it was withdrawn before', async () => {
      await using opened = await open();
      const { index } = opened;
      const first = await index.jobs.add('one');
      const second = await index.jobs.add('two');
      expect(await index.jobs.find(first)).toEqual({ taken: false, outcome: undefined });
      expect(await index.jobs.take()).toEqual({ id: first, task: 'one' });
      expect(await index.jobs.take()).toEqual({ id: second, task: 'two' });
      expect(await index.jobs.take()).toBeUndefined();
      await index.jobs.finish(first, 'done');
      expect(await index.jobs.find(first)).toEqual({ taken: true, outcome: 'done' });
      await index.jobs.drop(first);
      expect(await index.jobs.find(first)).toBeUndefined();
      await index.jobs.dropAll();
      expect(await index.jobs.find(second)).toBeUndefined();
      const third = await index.jobs.add('three');
      expect(third).toBeGreaterThan(second);
      expect(await index.jobs.withdraw(third)).toBe(true);
      expect(await index.jobs.take()).toBeUndefined();
      expect(await index.jobs.withdraw(third)).toBe(false);
      const fourth = await index.jobs.add('four');
      await index.jobs.take();
      expect(await index.jobs.withdraw(fourth)).toBe(false);
      expect(await index.jobs.find(fourth)).toEqual({ taken: true, outcome: undefined });
    });

    it('keeps what must still be deleted', async () => {
      await using opened = await open();
      const { index } = opened;
      const keys = [{ tag: parseTag('v1') }, { digest: digest('a') }];
      const [byTag, ...others] = await index.beginDeletes(app, keys, now);
      expect(await index.pendingDeletes()).toEqual([byTag, ...others]);
      await index.endDeletes(byTag ? [byTag] : []);
      expect(others).toMatchObject([{ repository: app, key: { digest: digest('a') } }]);
      expect(await index.pendingDeletes()).toEqual(others);
    });
  });
}

const NOTHING = {
  putBlobs: [],
  dropBlobs: [],
  putManifests: [],
  dropManifests: [],
  putTags: [],
  dropTags: [],
  unreadable: undefined,
};

export function digest(letter: string): Digest {
  return parseDigest(`sha256:${letter.repeat(64)}`);
}

function blob(letter: string) {
  return { digest: digest(letter), canonical: digest(letter), size: 1, linkedAt: now };
}

async function all<Place>(partAfter: (after: Place | undefined) => Promise<Part<Place>>): Promise<Digest[]> {
  const found: Digest[] = [];
  let after: Place | undefined;
  let parts = 0;
  do {
    parts += 1;
    if (parts > 10_000) throw new Error('there is no end of parts');
    const { digests, next } = await partAfter(after);
    found.push(...digests);
    after = next;
  } while (after !== undefined);
  return found;
}

function trash(id: string) {
  return { id, repository: app, digest: digest('d'), canonical: digest('d'), references: [] };
}

/** Names a config c. */
export function manifest(letter: string): ManifestRecord {
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

/** Bytes as numbers, whichever kind of array they are in. */
function plain(stored: { bytes: Uint8Array } | undefined) {
  return stored && { ...stored, bytes: [...stored.bytes] };
}
