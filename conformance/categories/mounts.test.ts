import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { expectBytes, expectHeader, expectStatus } from '../checks.ts';
import { absentDigest, type Blob, randomBlob } from '../content.ts';
import type { Repository } from '../repository.ts';
import { category, requirement } from '../requirement.ts';

/** What could not be mounted is uploaded: the answer to the mount has to be a session that works. */
async function expectFallback(target: Repository, answer: Answer, blob: Blob): Promise<void> {
  expectStatus(answer, 202);
  expectStatus(await target.closeUpload(answer.location(), blob.digest, blob.bytes), 201);
  expectBytes(await target.getBlob(blob.digest), blob.bytes);
}

category('mounts', () => {
  // spec.md, "Mounting a blob from another repository" (end-11).
  requirement(
    'D33.1',
    'MUST',
    'mounts a blob with 201 and its new Location',
    async ({ repository, skip }) => {
      const [source, target] = [repository(), repository()];
      const blob = await source.pushBlob(randomBlob(1000));
      const answer = await target.postUpload(`?mount=${blob.digest}&from=${source.name}`);
      if (answer.status === 202) skip('does not mount (202)');
      expectStatus(answer, 201);
      expect(
        answer.location().pathname.endsWith(`/v2/${target.name}/blobs/${blob.digest}`),
        `${answer}: Location`,
      ).toBe(true);
      expectBytes(await target.client.read('GET', answer.location()), blob.bytes);
    },
  );

  requirement(
    'D33.2',
    'MUST',
    'names the same digest when it mounts, if any',
    async ({ repository, skip }) => {
      const [source, target] = [repository(), repository()];
      const blob = await source.pushBlob(randomBlob());
      const answer = await target.postUpload(`?mount=${blob.digest}&from=${source.name}`);
      if (answer.header('Docker-Content-Digest') === undefined) skip('no Docker-Content-Digest with a mount');
      expectHeader(answer, 'Docker-Content-Digest', blob.digest);
    },
  );

  // Crane adds the registry it copies from; what is not known is not wrong.
  requirement('D33.3', 'SHOULD', 'mounts although the client adds origin=', async ({ repository, skip }) => {
    const [source, target] = [repository(), repository()];
    const blob = await source.pushBlob(randomBlob());
    const query = `?from=${encodeURIComponent(source.name)}&mount=${encodeURIComponent(blob.digest)}&origin=registry.example`;
    const answer = await target.postUpload(query);
    if (answer.status === 202) skip('does not mount (202)');
    expectStatus(answer, 201);
  });

  requirement('D33.4', 'MUST', 'keeps a mounted blob usable in a manifest', async ({ repository, skip }) => {
    const [source, target] = [repository(), repository()];
    const image = await source.pushImage('v1');
    const { config, layers } = JSON.parse(image.bytes.toString()) as { config: Blob; layers: Blob[] };
    for (const { digest } of [config, ...layers]) {
      const answer = await target.postUpload(`?mount=${digest}&from=${source.name}`);
      if (answer.status === 202) skip('does not mount (202)');
    }
    expectStatus(await target.putManifest('v1', image), 201);
  });

  requirement('D34.1', 'SHOULD', 'opens an upload when the source lacks the blob', async ({ repository }) => {
    const [source, target] = [repository(), repository()];
    await source.pushBlob(randomBlob());
    const blob = randomBlob();
    await expectFallback(target, await target.postUpload(`?mount=${blob.digest}&from=${source.name}`), blob);
  });

  requirement('D34.2', 'SHOULD', 'opens an upload when there is no such source', async ({ repository }) => {
    const target = repository();
    const blob = randomBlob();
    await expectFallback(
      target,
      await target.postUpload(`?mount=${blob.digest}&from=${repository().name}`),
      blob,
    );
  });

  // Regclient does this for every blob that it pushes.
  requirement(
    'D34.3',
    'SHOULD',
    'opens an upload when no source is named and nobody has the blob',
    async ({ repository }) => {
      const target = repository();
      const blob = randomBlob();
      await expectFallback(target, await target.postUpload(`?mount=${blob.digest}`), blob);
    },
  );

  requirement('D35', 'MAY', 'finds a source by itself when none is named', async ({ repository, skip }) => {
    const [source, target] = [repository(), repository()];
    const blob = await source.pushBlob(randomBlob());
    const answer = await target.postUpload(`?mount=${blob.digest}`);
    if (answer.status === 202) skip('does not look for a source (202)');
    expectStatus(answer, 201);
    expectBytes(await target.client.read('GET', answer.location()), blob.bytes);
  });

  // Any status but 201, 202 and 401 ends a push of containerd's.
  requirement(
    'C7d',
    'SHOULD',
    'never refuses a mount for lack of rights on the source',
    async ({ client, repository }) => {
      const from = `elsewhere-${client.settings.namespace.replaceAll('/', '-')}/private`;
      expectStatus(await repository().postUpload(`?mount=${absentDigest()}&from=${from}`), 202, 401);
    },
  );
});
