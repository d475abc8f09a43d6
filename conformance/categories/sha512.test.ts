import { expectBytes, expectError, expectHead, expectHeader, expectStatus } from '../checks.ts';
import { type Blob, digestOf, type Manifest, randomBlob } from '../content.ts';
import type { Repository } from '../repository.ts';
import { category, requirement, type Trial } from '../requirement.ts';

function sha512Blob(size = 1000): Blob {
  const { bytes } = randomBlob(size);
  return { bytes, digest: digestOf(bytes, 'sha512') };
}

/** Skips where sha512 is refused as a whole, which image-spec descriptor.md allows. */
async function pushBlob({ skip }: Trial, target: Repository): Promise<Blob> {
  const blob = sha512Blob();
  const answer = await target.closeUpload(await target.startUpload(), blob.digest, blob.bytes);
  if (answer.status === 400) skip('does not take sha512 blobs (400)');
  expectStatus(answer, 201);
  return blob;
}

/** An image whose own name is its sha512. */
async function prepareImage(trial: Trial, target: Repository): Promise<Manifest> {
  await pushBlob(trial, target);
  const image = await target.prepareImage();
  return { ...image, digest: digestOf(image.bytes, 'sha512') };
}

category('sha512', () => {
  // image-spec descriptor.md, "SHA-512"; clients open the upload like any other and name the digest at its end.
  requirement('V14.1', 'MAY', 'takes a blob that is closed with its sha512', async (trial) => {
    const target = trial.repository();
    const blob = await pushBlob(trial, target);
    expectBytes(await target.getBlob(blob.digest), blob.bytes);
  });

  requirement('V14.2', 'MAY', 'takes a sha512 blob in chunks', async (trial) => {
    const target = trial.repository();
    await pushBlob(trial, target);
    const blob = sha512Blob(2000);
    const first = await target.patchUpload(await target.startUpload(), blob.bytes.subarray(0, 1000), '0-999');
    expectStatus(first, 202);
    const second = await target.patchUpload(first.location(), blob.bytes.subarray(1000), '1000-1999');
    expectStatus(second, 202);
    expectStatus(await target.closeUpload(second.location(), blob.digest), 201);
    expectBytes(await target.getBlob(blob.digest), blob.bytes);
  });

  // The spec lets the header use another algorithm, but a client that asked for a sha512 checks against a sha512.
  requirement('V12.1', 'SHOULD', 'names a sha512 blob by its sha512', async (trial) => {
    const target = trial.repository();
    const blob = await pushBlob(trial, target);
    expectHead(await target.headBlob(blob.digest), blob);
    expectHeader(await target.getBlob(blob.digest), 'Docker-Content-Digest', blob.digest);
  });

  requirement(
    'V12.2',
    'SHOULD',
    'answers the push of a sha512 blob with its sha512, if it names one',
    async (trial) => {
      const target = trial.repository();
      await pushBlob(trial, target);
      const blob = sha512Blob();
      const answer = await target.closeUpload(await target.startUpload(), blob.digest, blob.bytes);
      if (answer.header('Docker-Content-Digest') === undefined) trial.skip('not sent with a pushed blob');
      expectHeader(answer, 'Docker-Content-Digest', blob.digest);
    },
  );

  requirement('V14.3', 'MUST', 'refuses bytes that do not hash to the sha512', async (trial) => {
    const target = trial.repository();
    await pushBlob(trial, target);
    const answer = await target.closeUpload(
      await target.startUpload(),
      digestOf('other', 'sha512'),
      randomBlob().bytes,
    );
    expectError(answer, 400, 'DIGEST_INVALID');
  });

  // Who takes sha512 layers has to take the manifest too, or no image can be all sha512.
  requirement(
    'V12.3',
    'SHOULD',
    'takes a manifest by its sha512 where it takes such blobs',
    async (trial) => {
      const target = trial.repository();
      const image = await prepareImage(trial, target);
      expectStatus(await target.putManifest(image.digest, image), 201);
      const answer = await target.getManifest(image.digest);
      expectBytes(answer, image.bytes);
      expectHeader(answer, 'Docker-Content-Digest', image.digest);
    },
  );

  // spec.md, "Pushing manifests with tags" (end-7b).
  requirement('V12.4', 'SHOULD', 'remembers that a tag was set to a sha512', async (trial) => {
    const target = trial.repository();
    const image = await prepareImage(trial, target);
    const pushed = await target.putManifest(`${image.digest}?tag=v1`, image);
    if (pushed.status === 400) trial.skip('does not take sha512 manifests: see V12.3');
    if (pushed.header('OCI-Tag') === undefined) trial.skip('does not take ?tag=: see D41.1');
    expectHead(await target.headManifest('v1'), image);
  });

  // spec.md, "POST then PUT": a hint, so that the bytes are read once.
  requirement('D23.1', 'MAY', 'opens an upload for ?digest-algorithm=sha512', async (trial) => {
    const target = trial.repository();
    await pushBlob(trial, target);
    const opened = await target.postUpload('?digest-algorithm=sha512');
    if (opened.status === 400) trial.skip('does not take the parameter (400)');
    expectStatus(opened, 202);
    const blob = sha512Blob();
    expectStatus(await target.closeUpload(opened.location(), blob.digest, blob.bytes), 201);
    expectBytes(await target.getBlob(blob.digest), blob.bytes);
  });

  requirement(
    'D23.2',
    'MAY',
    'refuses ?digest-algorithm= of an unknown algorithm with 400',
    async ({ repository, skip }) => {
      const answer = await repository().postUpload('?digest-algorithm=md5');
      if (answer.status === 202) skip('ignores the parameter');
      expectError(answer, 400, 'DIGEST_INVALID');
    },
  );

  // Crane, cosign and kaniko know no other algorithm.
  requirement('C48', 'MUST', 'never answers for a sha256 with a sha512', async (trial) => {
    const target = trial.repository();
    const blob = sha512Blob();
    await target.closeUpload(
      await target.startUpload('?digest-algorithm=sha512').catch(() => target.startUpload()),
      blob.digest,
      blob.bytes,
    );
    const same = await target.pushBlob({ bytes: blob.bytes, digest: digestOf(blob.bytes) });
    expectHead(await target.headBlob(same.digest), same);
    const image = await target.pushImage('v1');
    expectHead(await target.headManifest('v1'), image);
  });

  requirement('D50.3', 'MAY', 'lists referrers of a sha512 subject', async ({ repository, skip }) => {
    const target = repository();
    const answer = await target.referrers(digestOf('subject', 'sha512'));
    if (answer.status === 404) skip('no referrers API: see D50.1');
    if (answer.status === 400) skip('does not take sha512 (400)');
    expectStatus(answer, 200);
  });
});
