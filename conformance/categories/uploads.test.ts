import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { expectBytes, expectError, expectHeader, expectStatus } from '../checks.ts';
import { absentDigest, type Blob, blobOf, digestOf, randomBlob } from '../content.ts';
import { OCTETS } from '../media-types.ts';
import type { Repository } from '../repository.ts';
import { category, requirement } from '../requirement.ts';

/** The end of every push: 201, and a Location that the blob can be read at. spec.md, "Pushing blobs". */
async function expectCreated(target: Repository, answer: Answer, blob: Blob): Promise<void> {
  expectStatus(answer, 201);
  expectBytes(await target.client.read('GET', answer.location()), blob.bytes);
}

category('uploads', () => {
  // spec.md, "POST then PUT" (end-4a).
  requirement('D20.1', 'MUST', 'opens an upload with 202 and a Location', async ({ repository }) => {
    const answer = await repository().postUpload();
    expectStatus(answer, 202);
    expectHeader(answer, 'Location', /./);
  });

  requirement('D20.2', 'MUST', 'gives every upload a location of its own', async ({ repository }) => {
    const target = repository();
    const locations = await Promise.all([1, 2, 3, 4].map(() => target.startUpload()));
    expect(new Set(locations.map(String)).size, 'different locations').toBe(4);
  });

  // Absolute and relative are allowed; a path is right behind any proxy and whatever the registry believes it is called.
  requirement(
    'C26.1',
    'MAY',
    'sends an upload location as an absolute path',
    async ({ repository, skip }) => {
      const location = (await repository().postUpload()).header('Location') ?? '';
      if (!location.startsWith('/')) skip(`absolute: ${location.slice(0, 40)}`);
      expect(location).toMatch(/^\/[^/]/);
    },
  );

  // Jib takes the only header; containerd rebuilds the URL from the decoded path.
  requirement(
    'C26.2',
    'SHOULD',
    'sends one Location, without escapes in its path',
    async ({ repository }) => {
      const answer = await repository().postUpload();
      expect(answer.headerLines('Location').length, 'number of Location headers').toBe(1);
      expect(answer.location().pathname).not.toContain('%');
    },
  );

  // Clients that keep one token per route match on the path.
  requirement(
    'V4',
    'SHOULD',
    'keeps upload locations below blobs/uploads/',
    async ({ client, repository, skip }) => {
      const target = repository();
      const upload = await target.startUpload();
      if (upload.host !== client.base.host) skip('uploads go to another server');
      expect(upload.pathname).toMatch(
        new RegExp(`/v2/${target.name.replaceAll('.', '\\.')}/blobs/uploads/[^/]+$`),
      );
    },
  );

  // Docker scans "%d-%d" and names the upload in its messages.
  requirement(
    'C28.1',
    'SHOULD',
    'sends Range 0-0 and Docker-Upload-UUID with a new upload',
    async ({ repository }) => {
      const answer = await repository().postUpload();
      expectHeader(answer, 'Range', '0-0');
      expectHeader(answer, 'Docker-Upload-UUID', /./);
    },
  );

  // spec.md, "POST then PUT" (end-6).
  requirement('D21.1', 'MUST', 'takes a whole blob in the closing PUT', async ({ repository }) => {
    const target = repository();
    const blob = randomBlob(50_000);
    await expectCreated(
      target,
      await target.closeUpload(await target.startUpload(), blob.digest, blob.bytes),
      blob,
    );
  });

  requirement(
    'D21.2',
    'MUST',
    'takes a whole blob in a chunked PUT without a length',
    async ({ repository }) => {
      const target = repository();
      const blob = randomBlob(50_000);
      const answer = await target.closeUpload(await target.startUpload(), blob.digest, blob.bytes, {
        chunked: true,
      });
      await expectCreated(target, answer, blob);
    },
  );

  requirement(
    'D21.3',
    'MUST',
    'names the same digest in Docker-Content-Digest, if any',
    async ({ repository, skip }) => {
      const target = repository();
      const blob = randomBlob();
      const answer = await target.closeUpload(await target.startUpload(), blob.digest, blob.bytes);
      if (answer.header('Docker-Content-Digest') === undefined) skip('not sent with a pushed blob');
      expectHeader(answer, 'Docker-Content-Digest', blob.digest);
    },
  );

  // Docker, podman and crane end with an empty PUT; so does an empty blob.
  requirement('C31', 'MUST', 'takes an empty blob in an empty PUT', async ({ repository }) => {
    const target = repository();
    const empty = blobOf('');
    await expectCreated(target, await target.closeUpload(await target.startUpload(), empty.digest), empty);
  });

  requirement('C30.1', 'SHOULD', 'takes a blob without Content-Type', async ({ client, repository }) => {
    const target = repository();
    const blob = randomBlob();
    const upload = await target.startUpload();
    upload.search = `${upload.search}${upload.search === '' ? '?' : '&'}digest=${blob.digest}`;
    await expectCreated(target, await client.request('PUT', upload, { body: blob.bytes }), blob);
  });

  // spec.md, "Single POST" (end-4b): 202 is how a registry says that it wants a PUT as well.
  requirement('D22.1', 'MAY', 'takes a whole blob in a single POST', async ({ repository, skip }) => {
    const target = repository();
    const blob = randomBlob(5000);
    const options = { headers: { 'Content-Type': OCTETS }, body: blob.bytes };
    const answer = await target.postUpload(`?digest=${blob.digest}`, options);
    if (answer.status === 202) skip('answered 202: wants a PUT');
    await expectCreated(target, answer, blob);
  });

  requirement(
    'D22.2',
    'MUST',
    'goes on with a PUT where it does not take a single POST',
    async ({ repository, skip }) => {
      const target = repository();
      const blob = randomBlob(5000);
      const options = { headers: { 'Content-Type': OCTETS }, body: blob.bytes };
      const answer = await target.postUpload(`?digest=${blob.digest}`, options);
      if (answer.status === 201) skip('takes a single POST');
      expectStatus(answer, 202);
      await expectCreated(target, await target.closeUpload(answer.location(), blob.digest, blob.bytes), blob);
    },
  );

  requirement(
    'V8',
    'MUST',
    'refuses a single POST of other bytes with 400, or at its PUT',
    async ({ repository }) => {
      const target = repository();
      const digest = absentDigest();
      const bytes = randomBlob().bytes;
      const answer = await target.postUpload(`?digest=${digest}`, {
        headers: { 'Content-Type': OCTETS },
        body: bytes,
      });
      expectStatus(answer, 202, 400);
      const end = answer.status === 400 ? answer : await target.closeUpload(answer.location(), digest, bytes);
      expectStatus(end, 400);
      expectStatus(await target.getBlob(digest), 404);
    },
  );

  // spec.md, "Pushing blobs": 400 for a digest that is wrong in whatever way.
  requirement(
    'D32.1',
    'MUST',
    'refuses bytes that do not hash to the digest, and keeps nothing',
    async ({ repository }) => {
      const target = repository();
      const digest = absentDigest();
      const bytes = randomBlob();
      const answer = await target.closeUpload(await target.startUpload(), digest, bytes.bytes);
      expectError(answer, 400, 'DIGEST_INVALID');
      expectStatus(await target.getBlob(digest), 404);
      expectStatus(await target.getBlob(bytes.digest), 404);
    },
  );

  requirement('D19.1', 'SHOULD', 'refuses a malformed digest with 400', async ({ repository }) => {
    const target = repository();
    for (const digest of ['sha256:abc', 'sha256', 'nothing', ':', 'sha256:']) {
      const answer = await target.closeUpload(await target.startUpload(), digest, randomBlob().bytes);
      expectError(answer, 400, 'DIGEST_INVALID');
    }
  });

  requirement('D19.2', 'SHOULD', 'refuses an algorithm it cannot verify with 400', async ({ repository }) => {
    const target = repository();
    const digest = 'md5:d41d8cd98f00b204e9800998ecf8427e';
    const answer = await target.closeUpload(await target.startUpload(), digest, randomBlob(0).bytes);
    expectError(answer, 400, 'DIGEST_INVALID');
  });

  requirement(
    'D19.3',
    'MUST',
    'refuses to end an upload without a digest',
    async ({ client, repository }) => {
      const answer = await client.request('PUT', await repository().startUpload(), {
        body: randomBlob().bytes,
      });
      expectStatus(answer, 400);
    },
  );

  // Clients sort and escape the query again when they add theirs.
  requirement(
    'C27.2',
    'SHOULD',
    'reads digest before its own parameters, and escaped',
    async ({ client, repository }) => {
      const target = repository();
      for (const written of [(digest: string) => digest, encodeURIComponent]) {
        const blob = randomBlob();
        const upload = await target.startUpload();
        const own = upload.search.slice(1);
        upload.search = `?digest=${written(blob.digest)}${own === '' ? '' : `&${own}`}`;
        await expectCreated(target, await client.request('PUT', upload, { body: blob.bytes }), blob);
      }
    },
  );

  // Five parallel pushes of images that share a base layer: nobody may lose.
  requirement('C32.1', 'MUST', 'lets several uploads of one blob all succeed', async ({ repository }) => {
    const target = repository();
    const blob = randomBlob(200_000);
    const uploads = await Promise.all([1, 2, 3, 4].map(() => target.startUpload()));
    const answers = await Promise.all(
      uploads.map((upload) => target.closeUpload(upload, blob.digest, blob.bytes)),
    );
    for (const answer of answers) expectStatus(answer, 201);
    expectBytes(await target.getBlob(blob.digest), blob.bytes);
  });

  requirement('C32.2', 'MUST', 'takes a blob again that it already has', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob());
    await expectCreated(
      target,
      await target.closeUpload(await target.startUpload(), blob.digest, blob.bytes),
      blob,
    );
  });

  // spec.md, "Error Codes": BLOB_UPLOAD_UNKNOWN.
  requirement(
    'D30.2',
    'SHOULD',
    'answers 404 at the location of an upload that has ended',
    async ({ client, repository }) => {
      const target = repository();
      const [upload, blob] = [await target.startUpload(), randomBlob()];
      expectStatus(await target.closeUpload(upload, blob.digest, blob.bytes), 201);
      expectStatus(await client.request('GET', upload), 404);
      expectStatus(await target.patchUpload(upload, randomBlob().bytes), 404);
      expectStatus(await target.closeUpload(upload, digestOf('x'), Buffer.from('x')), 404);
      expectStatus(await client.request('DELETE', upload), 404);
    },
  );

  // The location is a secret of one repository: another one's rights must not open it.
  requirement(
    'D20.3',
    'SHOULD',
    'knows an upload only in its own repository',
    async ({ client, repository }) => {
      const [target, other] = [repository(), repository()];
      await other.pushBlob(randomBlob());
      const upload = await target.startUpload();
      const moved = new URL(upload);
      moved.pathname = upload.pathname.replace(target.name, other.name);
      expectStatus(await client.request('GET', moved), 404);
      const blob = randomBlob();
      expectStatus(await other.closeUpload(moved, blob.digest, blob.bytes), 404);
      expectStatus(await other.getBlob(blob.digest), 404);
    },
  );
});
