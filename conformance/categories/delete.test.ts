import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { errorCodes, expectBytes, expectStatus } from '../checks.ts';
import { absentDigest, indexOf, manifestDescriptor, randomBlob } from '../content.ts';
import type { Repository } from '../repository.ts';
import { category, requirement, type Trial } from '../requirement.ts';

type Skip = Trial['skip'];

/** spec.md, "Content Management": 400 or 405 where it is switched off; a 400 has to say that this is why. */
function acceptOrSkip(answer: Answer, { skip }: Pick<Trial, 'skip'>): void {
  const disabled =
    answer.status === 405 || (answer.status === 400 && errorCodes(answer)[0] === 'UNSUPPORTED');
  if (disabled) skip(`does not delete this (${answer.status})`);
  expectStatus(answer, 202);
}

async function remove(target: Repository, rest: string, skip: Skip): Promise<void> {
  acceptOrSkip(await target.request('DELETE', rest), { skip });
}

async function tagsOf(target: Repository): Promise<unknown> {
  const answer = await target.tags();
  expectStatus(answer, 200, 404);
  // Whether null is right for no tags is a question of its own: D45.5.
  return answer.status === 404 ? [] : ((answer.json() as { tags: unknown }).tags ?? []);
}

category('delete', () => {
  // spec.md, "Deleting tags" (end-9).
  requirement('D60.1', 'MUST', 'deletes a tag, at once', async ({ repository, skip }) => {
    const target = repository();
    await target.pushImage('v1');
    await target.pushImage('v2');
    await remove(target, 'manifests/v1', skip);
    expectStatus(await target.headManifest('v1'), 404);
    expectStatus(await target.getManifest('v1'), 404);
    expect(await tagsOf(target)).toEqual(['v2']);
  });

  requirement(
    'D60.2',
    'MUST',
    'keeps the manifest and its other tags when a tag goes',
    async ({ repository, skip }) => {
      const target = repository();
      const image = await target.pushImage('v1');
      await target.pushManifest(image, 'v2');
      const answer = await target.request('DELETE', 'manifests/v1');
      if (answer.status !== 202) skip(`does not delete tags (${answer.status}): see D60.1`);
      expectBytes(await target.getManifest('v2'), image.bytes);
      expectBytes(await target.getManifest(image.digest), image.bytes);
    },
  );

  requirement(
    'D60.3',
    'MUST',
    'answers 404 to the deletion of a tag it does not have',
    async ({ repository, skip }) => {
      const target = repository();
      await target.pushImage('v1');
      const answer = await target.request('DELETE', 'manifests/absent');
      if ([400, 405].includes(answer.status)) skip(`does not delete tags (${answer.status}): see D60.1`);
      expectStatus(answer, 404);
    },
  );

  // spec.md, "Deleting Manifests" (end-9).
  requirement(
    'D61.1',
    'MUST',
    'deletes a manifest with all its tags, at once',
    async ({ repository, skip }) => {
      const target = repository();
      const image = await target.pushImage('v1');
      await target.pushManifest(image, 'v2');
      const other = await target.pushImage('other');
      await remove(target, `manifests/${image.digest}`, skip);
      for (const reference of [image.digest, 'v1', 'v2']) {
        expectStatus(await target.headManifest(reference), 404);
        expectStatus(await target.getManifest(reference), 404);
      }
      expect(await tagsOf(target)).toEqual(['other']);
      expectBytes(await target.getManifest('other'), other.bytes);
    },
  );

  requirement(
    'D61.2',
    'MUST',
    'answers 404 to the deletion of a manifest it does not have',
    async ({ repository, skip }) => {
      const target = repository();
      const image = await target.pushImage('v1');
      await remove(target, `manifests/${image.digest}`, skip);
      expectStatus(await target.request('DELETE', `manifests/${absentDigest()}`), 404);
      expectStatus(await target.request('DELETE', `manifests/${image.digest}`), 404);
      expectStatus(await repository().request('DELETE', `manifests/${absentDigest()}`), 404);
    },
  );

  requirement(
    'D61.3',
    'MUST',
    'keeps the same manifest in another repository',
    async ({ repository, skip }) => {
      const [target, other] = [repository(), repository()];
      const image = await target.pushImage('v1');
      const { config, layers } = JSON.parse(image.bytes.toString()) as {
        config: { digest: string };
        layers: { digest: string }[];
      };
      for (const { digest } of [config, ...layers]) {
        const { body, status } = await target.getBlob(digest);
        if (status === 200) await other.pushBlob({ bytes: body, digest });
      }
      await other.pushManifest(image, 'v1');
      await remove(target, `manifests/${image.digest}`, skip);
      expectBytes(await other.getManifest('v1'), image.bytes);
    },
  );

  // spec.md, "Deleting Blobs" (end-10).
  requirement('D62.1', 'MUST', 'deletes a blob, at once', async ({ repository, skip }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob());
    await remove(target, `blobs/${blob.digest}`, skip);
    expectStatus(await target.headBlob(blob.digest), 404);
    expectStatus(await target.getBlob(blob.digest), 404);
  });

  requirement(
    'D62.2',
    'MUST',
    'answers 404 to the deletion of a blob it does not have',
    async ({ repository, skip }) => {
      const target = repository();
      const blob = await target.pushBlob(randomBlob());
      await remove(target, `blobs/${blob.digest}`, skip);
      expectStatus(await target.request('DELETE', `blobs/${absentDigest()}`), 404);
    },
  );

  requirement('D62.3', 'MUST', 'keeps the same blob in another repository', async ({ repository, skip }) => {
    const [target, other] = [repository(), repository()];
    const blob = await target.pushBlob(randomBlob());
    await other.pushBlob(blob);
    await remove(target, `blobs/${blob.digest}`, skip);
    expectBytes(await other.getBlob(blob.digest), blob.bytes);
  });

  // "Layer already exists" after a deletion, and then a pull that fails, is the classic complaint.
  requirement('D64.2', 'MUST', 'takes deleted content again', async ({ repository, skip }) => {
    const target = repository();
    const [image, blob] = [await target.pushImage('v1'), await target.pushBlob(randomBlob())];
    await remove(target, `manifests/${image.digest}`, skip);
    await remove(target, `blobs/${blob.digest}`, skip);
    expectStatus(await target.headBlob(blob.digest), 404);
    await target.pushBlob(blob);
    await target.pushManifest(image, 'v1');
    expectBytes(await target.getBlob(blob.digest), blob.bytes);
    expectBytes(await target.getManifest('v1'), image.bytes);
  });

  // The order in which tools take an image apart: tags, manifests from the top, blobs. Each may be gone already.
  requirement('V19', 'SHOULD', 'lets an image be taken apart from the top', async ({ repository, skip }) => {
    const target = repository();
    const child = await target.pushImage();
    const index = await target.pushManifest(indexOf([manifestDescriptor(child)]), 'index');
    const { config, layers } = JSON.parse(child.bytes.toString()) as {
      config: { digest: string };
      layers: { digest: string }[];
    };
    const blobs = [config, ...layers].map(({ digest }) => `blobs/${digest}`);
    for (const rest of [`manifests/${index.digest}`, `manifests/${child.digest}`, ...blobs]) {
      await remove(target, rest, skip);
      expectStatus(await target.request('HEAD', rest), 404);
    }
    expect(await tagsOf(target)).toEqual([]);
  });

  // spec.md, "Listing Tags": "tags" is a list, and null is none. The repository may also be unknown again.
  requirement(
    'D45.5',
    'MUST',
    'lists an empty list, or answers 404, once all tags are gone',
    async ({ repository, skip }) => {
      const target = repository();
      await remove(target, `manifests/${(await target.pushImage('v1')).digest}`, skip);
      const answer = await target.tags();
      if (answer.status === 404) return;
      expectStatus(answer, 200);
      expect(answer.json(), String(answer)).toEqual({ name: target.name, tags: [] });
    },
  );

  // No client understands 400 here: 405 is how a registry says that blobs are not for deletion.
  requirement(
    'V10',
    'SHOULD',
    'answers the deletion of a blob with 202, 404 or 405 only',
    async ({ repository }) => {
      const target = repository();
      const blob = await target.pushBlob(randomBlob());
      expectStatus(await target.request('DELETE', `blobs/${blob.digest}`), 202, 404, 405);
    },
  );
});
