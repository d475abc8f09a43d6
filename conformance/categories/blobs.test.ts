import { expect } from 'vitest';
import { expectBytes, expectHead, expectHeader, expectStatus } from '../checks.ts';
import { absentDigest, blobOf, randomBlob } from '../content.ts';
import { category, requirement } from '../requirement.ts';

category('blobs', () => {
  // spec.md, "Pulling blobs" (end-2).
  requirement('D14.1', 'MUST', 'serves the bytes of a blob', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob(100_000));
    expectBytes(await target.getBlob(blob.digest), blob.bytes);
  });

  requirement('D14.2', 'MUST', 'answers 404 to a blob it does not have', async ({ repository }) => {
    const target = repository();
    await target.pushBlob(randomBlob());
    expectStatus(await target.getBlob(absentDigest()), 404);
    expectStatus(await repository().getBlob(absentDigest()), 404);
  });

  requirement('D15', 'MUST', 'sends Docker-Content-Digest with a blob', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob());
    expectHeader(await target.getBlob(blob.digest), 'Docker-Content-Digest', blob.digest);
  });

  // spec.md, "Checking if content exists in the registry".
  requirement(
    'D17.3',
    'MUST',
    'answers HEAD of a blob with its length and digest',
    async ({ repository }) => {
      const target = repository();
      const blob = await target.pushBlob(randomBlob(1000));
      expectHead(await target.headBlob(blob.digest), blob);
    },
  );

  requirement('D17.4', 'MUST', 'answers HEAD of an absent blob with 404', async ({ repository }) => {
    const target = repository();
    await target.pushBlob(randomBlob());
    expectStatus(await target.headBlob(absentDigest()), 404);
  });

  requirement('D18.2', 'MUST', 'finds a blob only in its own repository', async ({ repository }) => {
    const [target, other] = [repository(), repository()];
    const blob = await target.pushBlob(randomBlob());
    await other.pushBlob(randomBlob());
    expectStatus(await other.headBlob(blob.digest), 404);
    expectStatus(await other.getBlob(blob.digest), 404);
  });

  requirement('V5.1', 'MUST', 'sends the exact Content-Length with a blob', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob(12_345));
    expectHeader(await target.getBlob(blob.digest), 'Content-Length', '12345');
  });

  // Old artifacts have empty configs and layers.
  requirement('V5.2', 'MUST', 'stores and serves the blob of no bytes', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(blobOf(''));
    const answer = await target.getBlob(blob.digest);
    expectBytes(answer, blob.bytes);
    expectHeader(answer, 'Content-Length', '0');
    expectHead(await target.headBlob(blob.digest), blob);
  });

  // RFC 9110 section 14.3: oras looks for it before it seeks in a blob.
  requirement('C22.2', 'SHOULD', 'says that blobs may be read in ranges', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob());
    expectHeader(await target.getBlob(blob.digest), 'Accept-Ranges', 'bytes');
    expectHeader(await target.headBlob(blob.digest), 'Accept-Ranges', 'bytes');
  });

  requirement(
    'C22.3',
    'MAY',
    'answers 304 to If-None-Match with the ETag of a blob',
    async ({ repository, skip }) => {
      const target = repository();
      const blob = await target.pushBlob(randomBlob());
      const etag = (await target.getBlob(blob.digest)).header('ETag');
      if (etag === undefined) return skip('no ETag on blobs');
      expectStatus(await target.getBlob(blob.digest, { 'If-None-Match': etag }), 304);
      expectBytes(await target.getBlob(blob.digest, { 'If-None-Match': '"other"' }), blob.bytes);
    },
  );

  // A blob never changes: caches may keep it.
  requirement('C22.4', 'MAY', 'lets caches keep a blob', async ({ repository, skip }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob());
    const value = (await target.getBlob(blob.digest)).header('Cache-Control');
    if (value === undefined) return skip('no Cache-Control on blobs');
    const seconds = Number(/max-age=(\d+)/.exec(value)?.[1] ?? 0);
    expect(seconds, `max-age in Cache-Control: ${value}`).toBeGreaterThanOrEqual(3600);
  });

  // RFC 9110 section 14.5 does not let Content-Encoding appear: the digest is of the stored bytes.
  requirement(
    'C23.3',
    'MUST',
    'serves gzip bytes as bytes, without Content-Encoding',
    async ({ repository }) => {
      const target = repository();
      const gzip = Buffer.concat([Buffer.from('1f8b08000000000000ff', 'hex'), randomBlob(32).bytes]);
      const blob = await target.pushBlob(blobOf(gzip));
      const answer = await target.getBlob(blob.digest, { 'Accept-Encoding': 'identity' });
      expectBytes(answer, blob.bytes);
      expect(answer.header('Content-Encoding'), `${answer}: Content-Encoding`).toBeUndefined();
    },
  );

  requirement(
    'C24',
    'MAY',
    'redirects a blob, at most once, to where it can be read',
    async ({ client, repository, skip }) => {
      const target = repository();
      const blob = await target.pushBlob(randomBlob());
      const first = await target.request('GET', `blobs/${blob.digest}`);
      if (first.status === 200) skip('serves blobs itself');
      expectStatus(first, 307, 302, 303);
      // Not every client follows a second hop, and none sends its credentials along.
      const second = await client.request('GET', first.location(), { authorization: 'none' });
      expectBytes(second, blob.bytes);
    },
  );
});
