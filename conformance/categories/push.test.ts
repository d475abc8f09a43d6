import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { expectBytes, expectError, expectHeader, expectRefused, expectStatus } from '../checks.ts';
import * as content from '../content.ts';
import * as types from '../media-types.ts';
import type { Repository } from '../repository.ts';
import { category, requirement } from '../requirement.ts';

const MIB = 1 << 20;

/** A manifest of exactly so many bytes, most of them in an annotation. */
function manifestOfSize(config: content.Blob, size: number): content.Manifest {
  const rest = content.imageManifest(config, [], { annotations: { filler: '' } }).bytes.length;
  return content.imageManifest(config, [], { annotations: { filler: 'x'.repeat(size - rest) } });
}

async function putSized(target: Repository, size: number): Promise<Answer> {
  const config = await target.pushBlob(content.imageConfig());
  return target.putManifest('big', manifestOfSize(config, size));
}

function put(target: Repository, manifest: content.Manifest, type: string | undefined): Promise<Answer> {
  const headers: Record<string, string> = type === undefined ? {} : { 'Content-Type': type };
  return target.request('PUT', 'manifests/v1', { headers, body: manifest.bytes });
}

category('push', () => {
  // spec.md, "Pushing Manifests" (end-7).
  requirement(
    'D37.1',
    'MUST',
    'answers a manifest push with 201 and a Location to read it at',
    async ({ client, repository }) => {
      const target = repository();
      const image = await target.prepareImage();
      for (const reference of ['v1', image.digest]) {
        const answer = await target.putManifest(reference, image);
        expectStatus(answer, 201);
        expectBytes(
          await client.read('GET', answer.location(), { headers: { Accept: types.ACCEPT_ALL } }),
          image.bytes,
        );
      }
    },
  );

  // image-spec considerations.md, "Canonicalization": what is signed and named are these bytes and no others.
  requirement(
    'D37.2',
    'MUST',
    'stores the exact bytes, spaces and order included',
    async ({ repository }) => {
      const target = repository();
      const image = await target.prepareImage();
      const fields = Object.entries(JSON.parse(image.bytes.toString()) as Record<string, unknown>).reverse();
      const odd = `\n${JSON.stringify(Object.fromEntries(fields), undefined, '\t ')}  \r\n`.replace(
        'layers',
        'l\\u0061yers',
      );
      const manifest = { ...content.blobOf(odd), mediaType: image.mediaType };
      expectStatus(await target.putManifest('v1', manifest), 201);
      expectBytes(await target.getManifest('v1'), manifest.bytes);
      expectBytes(await target.getManifest(manifest.digest), manifest.bytes);
    },
  );

  requirement(
    'D37.3',
    'MUST',
    'names the digest of the pushed bytes, if any',
    async ({ repository, skip }) => {
      const target = repository();
      const image = await target.prepareImage();
      const answer = await target.putManifest('v1', image);
      if (answer.header('Docker-Content-Digest') === undefined)
        skip('no Docker-Content-Digest with a pushed manifest');
      expectHeader(answer, 'Docker-Content-Digest', image.digest);
    },
  );

  requirement('D37.4', 'MUST', 'moves a tag, and keeps what it named before', async ({ repository }) => {
    const target = repository();
    const [before, after] = [await target.pushImage('v1'), await target.pushImage('v1')];
    expectBytes(await target.getManifest('v1'), after.bytes);
    expectBytes(await target.getManifest(before.digest), before.bytes);
  });

  requirement('D37.5', 'MUST', 'takes the same manifest again', async ({ repository }) => {
    const target = repository();
    const image = await target.pushImage('v1');
    expectStatus(await target.putManifest('v1', image), 201);
    expectStatus(await target.putManifest(image.digest, image), 201);
  });

  requirement('D36', 'SHOULD', 'ignores parameters of Content-Type', async ({ repository }) => {
    const target = repository();
    const image = await target.prepareImage();
    expectStatus(await put(target, image, `${image.mediaType}; charset=utf-8`), 201);
    expectHeader(await target.getManifest('v1'), 'Content-Type', image.mediaType);
  });

  // Podman and scripts may send none: the document says what it is.
  requirement(
    'C11.1',
    'SHOULD',
    'takes the type from the manifest when no Content-Type is sent',
    async ({ repository }) => {
      const target = repository();
      const image = await target.prepareImage();
      expectStatus(await put(target, image, undefined), 201);
      expectHeader(await target.getManifest('v1'), 'Content-Type', image.mediaType);
    },
  );

  // image-spec manifest.md: mediaType "MUST match" what it is sent as.
  requirement(
    'C11.2',
    'SHOULD',
    'refuses a Content-Type that the manifest contradicts',
    async ({ repository }) => {
      const target = repository();
      expectRefused(
        await put(target, await target.prepareImage(), types.DOCKER_MANIFEST),
        'a contradicting type',
      );
      expectRefused(await put(target, content.indexOf([]), types.OCI_MANIFEST), 'a contradicting type');
    },
  );

  // CVE-2021-41190: read as the one it is harmless, read as the other it is not.
  requirement(
    'C11.3',
    'SHOULD',
    'refuses a document that is manifest and index at once',
    async ({ repository }) => {
      const target = repository();
      const both = await target.prepareImage({ manifests: [] });
      expectError(await target.putManifest('v1', both), 400, 'MANIFEST_INVALID');
    },
  );

  requirement('V1', 'MUST', 'takes a manifest sent chunked, without a length', async ({ repository }) => {
    const target = repository();
    const image = await target.prepareImage();
    const headers = { 'Content-Type': image.mediaType };
    expectStatus(
      await target.request('PUT', 'manifests/v1', { headers, body: image.bytes, chunked: true }),
      201,
    );
    expectBytes(await target.getManifest('v1'), image.bytes);
  });

  requirement('D40.1', 'MUST', 'refuses a manifest under the digest of another', async ({ repository }) => {
    const target = repository();
    const digest = content.absentDigest();
    expectError(await target.putManifest(digest, await target.prepareImage()), 400, 'DIGEST_INVALID');
    expectStatus(await target.getManifest(digest), 404);
  });

  requirement(
    'D40.2',
    'MUST',
    'refuses a malformed digest: 400 on PUT, 400 or 404 on GET',
    async ({ repository }) => {
      const target = repository();
      const image = await target.prepareImage();
      expectStatus(await target.getManifest('sha256:baddigeststring'), 400, 404);
      expectStatus(await target.putManifest('sha256:baddigeststring', image), 400);
    },
  );

  // spec.md, "Pushing manifests with tags" (end-7b): OCI-Tag is how a client learns that the tags were set.
  requirement(
    'D41.1',
    'MAY',
    'sets the tags of ?tag= and lists them in OCI-Tag',
    async ({ repository, skip }) => {
      const target = repository();
      const image = await target.prepareImage();
      const wanted = Array.from({ length: 10 }, (_, at) => `t${at}`);
      const answer = await target.putManifest(
        `${image.digest}?${wanted.map((tag) => `tag=${tag}`).join('&')}`,
        image,
      );
      if (answer.header('OCI-Tag') === undefined) skip('no OCI-Tag: ?tag= is not supported');
      expectStatus(answer, 201);
      const accepted = answer.headerLines('OCI-Tag').flatMap((line) => line.split(/ *, */));
      expect(accepted.toSorted(), 'OCI-Tag').toEqual(wanted);
      for (const tag of wanted) expectBytes(await target.getManifest(tag), image.bytes);
    },
  );

  // Whoever lists no tag must not have set it: a client would not know.
  requirement('D41.2', 'MUST', 'sets no tag of ?tag= that it does not list', async ({ repository }) => {
    const target = repository();
    const image = await target.prepareImage();
    const answer = await target.putManifest(`${image.digest}?tag=a&tag=b`, image);
    const listed = answer.headerLines('OCI-Tag').flatMap((line) => line.split(/ *, */));
    for (const tag of ['a', 'b'].filter((name) => !listed.includes(name))) {
      expectStatus(await target.getManifest(tag), 404);
    }
  });

  requirement('D41.3', 'MAY', 'refuses ?tag= outside the grammar', async ({ repository, skip }) => {
    const target = repository();
    const image = await target.prepareImage();
    const good = await target.putManifest(`${image.digest}?tag=good`, image);
    if (good.header('OCI-Tag') === undefined) skip('no OCI-Tag: ?tag= is not supported');
    const bad = await target.putManifest(`${image.digest}?tag=-bad`, image);
    expectRefused(bad, 'the tag -bad');
  });

  // spec.md, "Pushing Manifests": "at least 4 megabytes", and 413 above the limit.
  requirement('D42.1', 'SHOULD', 'takes a manifest of 4,000,000 bytes', async ({ repository }) => {
    expectStatus(await putSized(repository(), 4_000_000), 201);
  });

  requirement('D42.2', 'SHOULD', 'takes a manifest of 4 MiB', async ({ repository }) => {
    expectStatus(await putSized(repository(), 4 * MIB), 201);
  });

  requirement('D42.3', 'SHOULD', 'refuses a manifest above its limit with 413', async ({ repository }) => {
    const target = repository();
    for (const size of [4 * MIB + 1, 9 * MIB, 33 * MIB]) {
      const answer = await putSized(target, size);
      if (answer.status !== 201) return expectStatus(answer, 413);
    }
    expect.fail('a manifest of 33 MiB was taken: no limit');
  });

  requirement(
    'D66.7',
    'SHOULD',
    'refuses a document of the wrong shape with MANIFEST_INVALID',
    async ({ repository }) => {
      const target = repository();
      for (const body of ['', '[]', 'null', '"text"', '{}', '{"schemaVersion":2}']) {
        const headers = { 'Content-Type': types.OCI_MANIFEST };
        const answer = await target.request('PUT', 'manifests/v1', { headers, body });
        expectError(answer, 400, 'MANIFEST_INVALID');
      }
    },
  );
});
