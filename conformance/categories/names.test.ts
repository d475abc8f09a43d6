import { expect } from 'vitest';
import { expectBytes, expectError, expectRefused, expectStatus } from '../checks.ts';
import { artifactManifest, EMPTY_BLOB, nonce, randomBlob } from '../content.ts';
import { Repository } from '../repository.ts';
import { category, requirement, type Trial } from '../requirement.ts';

/** Every separator of the grammar, and components that look like something else. */
const GOOD_NAMES = [
  'a',
  '0',
  'a.b',
  'a_b',
  'a__b',
  'a-b',
  'a---b',
  'v1/v2',
  'a/b/c/d/e/f',
  'x86.64/arm-v7/0_1',
];
const BAD_NAMES = [
  'Upper',
  'a/Upper',
  '-a',
  'a-',
  '.a',
  'a.',
  '_a',
  'a..b',
  'a___b',
  'a._b',
  'a_-b',
  'a/-b',
  'a/_b',
];
/** Components that are also words of the API: the path has to be read from its end. */
const ROUTE_NAMES = [
  'blobs',
  'blobs/uploads',
  'manifests',
  'manifests/tags',
  'tags',
  'tags/list',
  'referrers',
  'uploads',
  'v2',
];

function below({ client }: Trial, name: string): Repository {
  return new Repository(client, `${client.settings.namespace}/n${nonce()}/${name}`);
}

/** Goes through every route of a repository once. */
async function useAll(target: Repository): Promise<void> {
  const blob = await target.pushBlob(randomBlob());
  expectBytes(await target.getBlob(blob.digest), blob.bytes);
  const image = await target.pushImage('v1');
  expectBytes(await target.getManifest('v1'), image.bytes);
  expectBytes(await target.getManifest(image.digest), image.bytes);
  const tags = await target.tags();
  expectStatus(tags, 200);
  expect(tags.json(), String(tags)).toEqual({ name: target.name, tags: ['v1'] });
  expectStatus(await target.client.request('GET', await target.startUpload()), 204);
}

category('names', () => {
  // spec.md, "Pulling manifests": the grammar of <name>.
  requirement('D1.1', 'MUST', 'accepts every name of the grammar', async (trial) => {
    for (const name of GOOD_NAMES) await useAll(below(trial, name));
  });

  requirement('D1.2', 'MUST', 'accepts no push to a name outside the grammar', async (trial) => {
    for (const name of BAD_NAMES) expectRefused(await below(trial, name).postUpload(), `the name ${name}`);
  });

  // spec.md, "Error Codes": NAME_INVALID.
  requirement('D1.3', 'SHOULD', 'names a bad name as the reason', async (trial) => {
    for (const name of BAD_NAMES) expectError(await below(trial, name).postUpload(), 400, 'NAME_INVALID');
  });

  // Clients cut host and name at 255 characters together, so names of up to 200 do occur.
  requirement('D2.1', 'SHOULD', 'accepts a name of 200 characters', async (trial) => {
    const room = 200 - below(trial, '').name.length;
    await useAll(below(trial, 'a'.repeat(room)));
  });

  requirement('D2.2', 'SHOULD', 'refuses a name of 300 characters', async (trial) => {
    const answer = await below(trial, 'a'.repeat(300 - below(trial, '').name.length)).postUpload();
    if (answer.status === 202) trial.skip('takes names longer than clients can use');
    expectRefused(answer, 'a name of 300 characters');
  });

  for (const [at, name] of ROUTE_NAMES.entries()) {
    requirement(`C34.${at + 2}`, 'MUST', `routes a repository called .../${name}`, (trial) =>
      useAll(below(trial, name)),
    );
  }

  // Kubernetes tools and regclient leave the slash out; a redirected POST becomes a GET.
  requirement('C34.20', 'SHOULD', 'opens an upload without the trailing slash', async ({ repository }) => {
    expectStatus(await repository().request('POST', 'blobs/uploads'), 202);
  });

  // spec.md, "Pulling manifests": the grammar of a tag.
  requirement('D3.1', 'MUST', 'accepts every tag of the grammar', async ({ repository }) => {
    const target = repository();
    for (const tag of ['a', 'A', '_', '0', '1.2.3', 'v1_2-rc.1', 'a..b', 'latest', 'x'.repeat(128)]) {
      const image = await target.pushImage(tag);
      expectBytes(await target.getManifest(tag), image.bytes);
    }
  });

  requirement('D3.2', 'MUST', 'refuses to push a tag outside the grammar', async ({ repository }) => {
    const target = repository();
    await target.pushBlob(EMPTY_BLOB);
    const manifest = artifactManifest('application/vnd.example.test');
    for (const tag of ['.a', '-a', 'a+b', 'a@b', 'x'.repeat(129)]) {
      expectRefused(await target.putManifest(tag, manifest), `the tag ${tag}`);
    }
  });

  // Nothing can be stored under such a tag, so nothing is found.
  requirement(
    'D3.3',
    'SHOULD',
    'answers 404 when asked for a tag outside the grammar',
    async ({ repository }) => {
      const target = repository();
      await target.pushImage('v1');
      for (const tag of ['.INVALID', '-a', 'x'.repeat(129)]) expectStatus(await target.getManifest(tag), 404);
    },
  );

  // A colon never occurs in a tag.
  requirement('D3.4', 'MUST', 'takes a reference with a colon for a digest', async ({ repository }) => {
    const target = repository();
    const image = await target.prepareImage();
    for (const reference of ['foo:bar', 'v1:latest']) {
      expectRefused(await target.putManifest(reference, image), `${reference}, which is no digest of it`);
    }
    const tags = await target.tags();
    expect(tags.status === 200 ? (tags.json() as { tags: unknown }).tags : [], String(tags)).toEqual([]);
  });

  // image-spec descriptor.md, "Registered algorithms": the length and case are part of the name.
  requirement('D4.1', 'MUST', 'accepts no digest of wrong length or case', async ({ repository }) => {
    const target = repository();
    const blob = randomBlob();
    const hex = blob.digest.slice('sha256:'.length);
    const upper = `${hex.slice(0, -1)}A`;
    for (const digest of [
      `sha256:${hex.slice(1)}`,
      `sha256:${hex}0`,
      `sha256:${upper}`,
      `SHA256:${hex}`,
      `sha256-${hex}`,
    ]) {
      expectRefused(
        await target.closeUpload(await target.startUpload(), digest, blob.bytes),
        `the digest ${digest}`,
      );
    }
  });

  // RFC 3986 section 2.1: %3A and ":" are the same in a path segment; some clients escape it.
  requirement('C27.1', 'SHOULD', 'reads %3A in a digest', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob());
    const image = await target.pushImage();
    expectBytes(await target.getBlob(blob.digest.replace(':', '%3A')), blob.bytes);
    expectBytes(await target.getManifest(image.digest.replace(':', '%3A')), image.bytes);
  });
});
