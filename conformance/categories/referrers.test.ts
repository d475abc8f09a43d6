import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { expectHeader, expectStatus } from '../checks.ts';
import * as content from '../content.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';
import { expectNextLink, pagesFrom } from '../pages.ts';
import type { Repository } from '../repository.ts';
import { category, requirement, type Trial } from '../requirement.ts';

const SBOM = 'application/vnd.example.sbom.v1';
const SIGNATURE = 'application/vnd.example.signature.v1';
const MIB = 1 << 20;

/** spec.md, "Listing Referrers": an index, of this exact type, whatever it lists. */
function referrersIn(answer: Answer): content.Descriptor[] {
  expectStatus(answer, 200);
  expectHeader(answer, 'Content-Type', OCI_INDEX);
  const index = answer.json() as { schemaVersion?: unknown; mediaType?: unknown; manifests?: unknown };
  expect(index, String(answer)).toMatchObject({ schemaVersion: 2, mediaType: OCI_INDEX });
  if (!Array.isArray(index.manifests)) expect.fail(`${answer}: manifests is not an array`);
  return index.manifests as content.Descriptor[];
}

/** One missing API is one failure, D50.1, and not fifteen. */
async function withReferrers({ repository, skip }: Trial): Promise<Repository> {
  const target = repository();
  await target.pushBlob(content.EMPTY_BLOB);
  const known = await target.pushManifest(content.artifactManifest('application/vnd.example.known'));
  const answer = await target.referrers(known.digest);
  if (answer.status !== 200) skip(`no referrers API (${answer.status}): see D50.1`);
  return target;
}

/** A referrer; its blobs are there already. */
function about(
  subject: content.Manifest,
  artifactType: string,
  more: Record<string, unknown> = {},
): content.Manifest {
  const annotations = { nonce: content.nonce() };
  return content.artifactManifest(artifactType, {
    subject: content.manifestDescriptor(subject),
    annotations,
    ...more,
  });
}

function digestsIn(answer: Answer): string[] {
  return referrersIn(answer)
    .map(({ digest }) => digest)
    .toSorted();
}

category('referrers', () => {
  // spec.md, "Listing Referrers" (end-12): never 404, because clients would take it for an old registry.
  requirement(
    'D50.1',
    'MUST',
    'lists no referrers of a repository that does not exist',
    async ({ repository }) => {
      expect(referrersIn(await repository().referrers(content.absentDigest()))).toEqual([]);
      // Oras finds out with this one whether there is such an API.
      expect(referrersIn(await repository().referrers(`sha256:${'0'.repeat(64)}`))).toEqual([]);
    },
  );

  requirement('D50.2', 'MUST', 'lists no referrers of a manifest without any', async (trial) => {
    const target = await withReferrers(trial);
    const image = await target.pushImage('v1');
    expect(referrersIn(await target.referrers(image.digest))).toEqual([]);
  });

  requirement('D51', 'MUST', 'answers 400 to a malformed digest', async (trial) => {
    const target = await withReferrers(trial);
    for (const digest of ['sha256:abc', 'sha256:baddigeststring', 'v1'])
      expectStatus(await target.referrers(digest), 400);
  });

  // spec.md, "Pushing Manifests with Subject": without OCI-Subject clients keep a list of their own in a tag.
  requirement(
    'D43.1',
    'MUST',
    'confirms the subject of a manifest pushed by tag or digest',
    async (trial) => {
      const target = await withReferrers(trial);
      const subject = await target.pushImage('v1');
      const referrer = about(subject, SBOM);
      for (const reference of [referrer.digest, 'sbom']) {
        const answer = await target.putManifest(reference, referrer);
        expectStatus(answer, 201);
        expectHeader(answer, 'OCI-Subject', subject.digest);
      }
    },
  );

  requirement('D43.2', 'MUST', 'confirms a subject that is not there', async (trial) => {
    const target = await withReferrers(trial);
    const subject = content.imageManifest(content.imageConfig(), []);
    const answer = await target.putManifest('sbom', about(subject, SBOM));
    expectStatus(answer, 201);
    expectHeader(answer, 'OCI-Subject', subject.digest);
  });

  requirement('D43.3', 'MUST', 'confirms no subject where there is none', async (trial) => {
    const target = await withReferrers(trial);
    const answer = await target.putManifest('v1', await target.prepareImage());
    expect(answer.header('OCI-Subject'), `${answer}: OCI-Subject`).toBeUndefined();
  });

  requirement(
    'D53.1',
    'MUST',
    'describes a referrer with its artifactType and all annotations',
    async (trial) => {
      const target = await withReferrers(trial);
      const subject = await target.pushImage('v1');
      const annotations = {
        'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
        nonce: content.nonce(),
      };
      const referrer = await target.pushManifest(about(subject, SBOM, { annotations }));
      const wanted = { ...content.manifestDescriptor(referrer), artifactType: SBOM, annotations };
      expect(referrersIn(await target.referrers(subject.digest))).toEqual([wanted]);
    },
  );

  // Artifacts from before artifactType say in the config what they are.
  requirement('D53.2', 'MUST', 'takes the config type of an image for its artifactType', async (trial) => {
    const target = await withReferrers(trial);
    const subject = await target.pushImage('v1');
    const config = { ...content.EMPTY_DESCRIPTOR, mediaType: 'application/vnd.cncf.notary.signature' };
    const fields = {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config,
      layers: [],
      subject: content.manifestDescriptor(subject),
    };
    const referrer = await target.pushManifest(content.manifestOf(OCI_MANIFEST, fields));
    const [descriptor] = referrersIn(await target.referrers(subject.digest));
    expect(descriptor).toEqual({ ...content.manifestDescriptor(referrer), artifactType: config.mediaType });
  });

  requirement('D56', 'MUST', 'lists an index with a subject too', async (trial) => {
    const target = await withReferrers(trial);
    const subject = await target.pushImage('v1');
    const plain = content.indexOf([], { subject: content.manifestDescriptor(subject) });
    const typed = content.indexOf([], { artifactType: SBOM, subject: content.manifestDescriptor(subject) });
    for (const index of [plain, typed]) await target.pushManifest(index);
    const found = referrersIn(await target.referrers(subject.digest));
    const wanted = [
      content.manifestDescriptor(plain),
      { ...content.manifestDescriptor(typed), artifactType: SBOM },
    ];
    expect(found.toSorted(byDigest)).toEqual(wanted.toSorted(byDigest));
  });

  requirement('D38.3', 'MUST', 'lists a referrer that came before its subject', async (trial) => {
    const target = await withReferrers(trial);
    const subject = await target.prepareImage();
    const referrer = await target.pushManifest(about(subject, SBOM));
    expect(digestsIn(await target.referrers(subject.digest))).toEqual([referrer.digest]);
    await target.pushManifest(subject, 'v1');
    expect(digestsIn(await target.referrers(subject.digest))).toEqual([referrer.digest]);
  });

  requirement('D53.3', 'MUST', 'lists a referrer once, however often it was pushed', async (trial) => {
    const target = await withReferrers(trial);
    const subject = await target.pushImage('v1');
    const referrer = about(subject, SBOM);
    for (const reference of [referrer.digest, 'one', 'two']) await target.pushManifest(referrer, reference);
    expect(digestsIn(await target.referrers(subject.digest))).toEqual([referrer.digest]);
  });

  requirement('D18.3', 'MUST', 'lists only referrers of the same repository', async (trial) => {
    const [target, other] = [await withReferrers(trial), await withReferrers(trial)];
    const subject = await target.pushImage('v1');
    await other.pushManifest(about(subject, SBOM));
    expect(referrersIn(await target.referrers(subject.digest))).toEqual([]);
  });

  // "OCI-Filters-Applied" tells clients that they need not filter again; oras compares it letter by letter.
  requirement('D55', 'SHOULD', 'filters by artifactType, and says so', async (trial) => {
    const target = await withReferrers(trial);
    const subject = await target.pushImage('v1');
    const sbom = await target.pushManifest(about(subject, SBOM));
    await target.pushManifest(about(subject, SIGNATURE));
    const answer = await target.referrers(subject.digest, `?artifactType=${encodeURIComponent(SBOM)}`);
    if (answer.header('OCI-Filters-Applied') === undefined) trial.skip('does not filter');
    expectHeader(answer, 'OCI-Filters-Applied', 'artifactType');
    expect(digestsIn(answer)).toEqual([sbom.digest]);
    const none = await target.referrers(subject.digest, '?artifactType=application/vnd.example.other');
    expectHeader(none, 'OCI-Filters-Applied', 'artifactType');
    expect(referrersIn(none)).toEqual([]);
  });

  requirement('D55.1', 'MUST', 'claims no filter that was not asked for', async (trial) => {
    const target = await withReferrers(trial);
    const answer = await target.referrers((await target.pushImage('v1')).digest);
    expect(answer.header('OCI-Filters-Applied'), `${answer}: OCI-Filters-Applied`).toBeUndefined();
  });

  // Containerd repeats artifactType and adds filters of its own; oras sends n.
  requirement('C19.1', 'SHOULD', 'leaves out nothing for filters that it does not know', async (trial) => {
    const target = await withReferrers(trial);
    const subject = await target.pushImage('v1');
    const pushed = [
      await target.pushManifest(about(subject, SBOM)),
      await target.pushManifest(about(subject, SIGNATURE)),
    ];
    const wanted = pushed.map(({ digest }) => digest).toSorted();
    const types = `artifactType=${encodeURIComponent(SBOM)}&artifactType=${encodeURIComponent(SIGNATURE)}`;
    for (const query of ['?n=100', '?unknown=1&ns=docker.io', `?${types}`]) {
      expect(digestsIn(await target.referrers(subject.digest, query)), query).toEqual(wanted);
    }
  });

  // Containerd and crane read one page only and refuse bodies above 4.39 MB; oras stops at 4 MiB.
  requirement(
    'C19.2',
    'SHOULD',
    'sends as many referrers as fit 4 MiB, and a Link to the rest',
    async (trial) => {
      const target = await withReferrers(trial);
      const subject = await target.pushImage('v1');
      const pushed: string[] = [];
      for (let at = 0; at < 12; at++) {
        const annotations = { filler: content.nonce() + 'x'.repeat(500_000) };
        pushed.push((await target.pushManifest(about(subject, SBOM, { annotations }))).digest);
      }
      const first = await target.referrers(subject.digest);
      expect(first.body.length, 'bytes on the first page').toBeLessThanOrEqual(4 * MIB);
      expect(referrersIn(first).length, 'referrers on the first page').toBeGreaterThanOrEqual(4);
      expectNextLink(first);
      const pages = await pagesFrom(trial.client, first);
      expect(pages.flatMap(digestsIn).toSorted()).toEqual(pushed.toSorted());
    },
  );

  requirement(
    'D54',
    'MUST',
    'lists 150 referrers, with a Link where they are more than a page',
    async (trial) => {
      const target = await withReferrers(trial);
      const subject = await target.pushImage('v1');
      const pushed: string[] = [];
      for (let at = 0; at < 150; at++) pushed.push((await target.pushManifest(about(subject, SBOM))).digest);
      const pages = await pagesFrom(trial.client, await target.referrers(subject.digest));
      expect(pages.flatMap(digestsIn).toSorted()).toEqual(pushed.toSorted());
    },
  );

  // spec.md, "Deleting Manifests".
  requirement('D64.1', 'MUST', 'forgets a deleted referrer', async (trial) => {
    const target = await withReferrers(trial);
    const subject = await target.pushImage('v1');
    const [kept, gone] = [
      await target.pushManifest(about(subject, SBOM)),
      await target.pushManifest(about(subject, SBOM)),
    ];
    await removeManifest(trial, target, gone);
    expect(digestsIn(await target.referrers(subject.digest))).toEqual([kept.digest]);
  });

  // image-spec manifest.md: the subject is a weak link, which may point at nothing.
  requirement('I12', 'SHOULD', 'keeps the referrers of a deleted subject', async (trial) => {
    const target = await withReferrers(trial);
    const subject = await target.pushImage('v1');
    const kept = await target.pushManifest(about(subject, SBOM));
    await removeManifest(trial, target, subject);
    expect(digestsIn(await target.referrers(subject.digest))).toEqual([kept.digest]);
  });
});

async function removeManifest(
  { skip }: Trial,
  target: Repository,
  { digest }: content.Manifest,
): Promise<void> {
  const answer = await target.request('DELETE', `manifests/${digest}`);
  if ([400, 405].includes(answer.status)) skip(`does not delete manifests (${answer.status})`);
  expectStatus(answer, 202);
}

function byDigest(a: { digest: string }, b: { digest: string }): number {
  return a.digest < b.digest ? -1 : 1;
}
