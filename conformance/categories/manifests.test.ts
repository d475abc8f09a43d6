import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { expectBytes, expectHead, expectHeader, expectStatus } from '../checks.ts';
import {
  absentDigest,
  descriptorOf,
  indexOf,
  type Manifest,
  manifestDescriptor,
  manifestOf,
  randomBlob,
} from '../content.ts';
import * as types from '../media-types.ts';
import type { Repository } from '../repository.ts';
import { category, requirement } from '../requirement.ts';

/** An image of docker's own types. */
async function pushDockerImage(target: Repository, tag?: string): Promise<Manifest> {
  const [config, layer] = [await target.pushBlob(randomBlob()), await target.pushBlob(randomBlob())];
  const manifest = manifestOf(types.DOCKER_MANIFEST, {
    schemaVersion: 2,
    mediaType: types.DOCKER_MANIFEST,
    config: descriptorOf(config, types.DOCKER_CONFIG),
    layers: [descriptorOf(layer, types.DOCKER_LAYER)],
  });
  return target.pushManifest(manifest, tag);
}

async function pushDockerList(target: Repository, tag: string): Promise<Manifest> {
  const platform = { architecture: 'amd64', os: 'linux' };
  const manifests = [manifestDescriptor(await pushDockerImage(target), { platform })];
  const list = manifestOf(types.DOCKER_LIST, { schemaVersion: 2, mediaType: types.DOCKER_LIST, manifests });
  return target.pushManifest(list, tag);
}

async function pushIndex(target: Repository, tag: string): Promise<Manifest> {
  const platform = { architecture: 'amd64', os: 'linux' };
  return target.pushManifest(indexOf([manifestDescriptor(await target.pushImage(), { platform })]), tag);
}

function getWith(target: Repository, tag: string, accept?: string | string[]): Promise<Answer> {
  return target.request('GET', `manifests/${tag}`, {
    headers: accept === undefined ? {} : { Accept: accept },
  });
}

const KINDS = {
  'an OCI manifest': (target: Repository) => target.pushImage('v1'),
  'an OCI index': (target: Repository) => pushIndex(target, 'v1'),
  'a docker manifest': (target: Repository) => pushDockerImage(target, 'v1'),
  'a docker manifest list': (target: Repository) => pushDockerList(target, 'v1'),
};

category('manifests', () => {
  for (const [at, [kind, push]] of Object.entries(KINDS).entries()) {
    // spec.md, "Pulling manifests" (end-3): the bytes as pushed, and their exact type. A parameter behind the type
    // makes clients compare unequal.
    requirement(
      `D9.${at + 1}`,
      'MUST',
      `serves the bytes of ${kind} by tag and by digest`,
      async ({ repository }) => {
        const target = repository();
        const manifest = await push(target);
        expectBytes(await target.getManifest('v1'), manifest.bytes);
        expectBytes(await target.getManifest(manifest.digest), manifest.bytes);
      },
    );
    requirement(
      `D11.${at + 1}`,
      'SHOULD',
      `serves ${kind} with exactly the type pushed`,
      async ({ repository }) => {
        const target = repository();
        const manifest = await push(target);
        for (const reference of ['v1', manifest.digest]) {
          expectHeader(await target.getManifest(reference), 'Content-Type', manifest.mediaType);
          expectHeader(await target.headManifest(reference), 'Content-Type', manifest.mediaType);
        }
      },
    );
  }

  requirement('D10', 'MUST', 'sends Docker-Content-Digest with a manifest', async ({ repository }) => {
    const target = repository();
    const image = await target.pushImage('v1');
    expectHeader(await target.getManifest('v1'), 'Docker-Content-Digest', image.digest);
    expectHeader(await target.getManifest(image.digest), 'Docker-Content-Digest', image.digest);
  });

  requirement('D12', 'MUST', 'answers 404 to a manifest it does not have', async ({ repository }) => {
    const target = repository();
    await target.pushImage('v1');
    expectStatus(await target.getManifest('absent'), 404);
    expectStatus(await target.getManifest(absentDigest()), 404);
    expectStatus(await repository().getManifest('v1'), 404);
  });

  // spec.md, "Checking if content exists in the registry".
  requirement(
    'D17.1',
    'MUST',
    'answers HEAD of a manifest with its length and digest',
    async ({ repository }) => {
      const target = repository();
      const image = await target.pushImage('v1');
      expectHead(await target.headManifest('v1'), image);
      expectHead(await target.headManifest(image.digest), image);
    },
  );

  requirement('D17.2', 'MUST', 'answers HEAD of an absent manifest with 404', async ({ repository }) => {
    const target = repository();
    await target.pushImage('v1');
    for (const reference of ['absent', absentDigest()])
      expectStatus(await target.headManifest(reference), 404);
  });

  // Clients size their buffers by it, and Go drops it from compressed answers.
  requirement('V3', 'MUST', 'sends the exact Content-Length with a manifest', async ({ repository }) => {
    const target = repository();
    const image = await target.pushImage('v1');
    const answer = await target.getManifest('v1', { Accept: types.ACCEPT_ALL, 'Accept-Encoding': 'gzip' });
    expectHeader(answer, 'Content-Length', String(image.bytes.length));
  });

  // RFC 9110 section 9.3.2; a resolver believes HEAD and then fetches by what it said.
  requirement('C9', 'SHOULD', 'sends the same headers on HEAD as on GET', async ({ repository }) => {
    const target = repository();
    await target.pushImage('v1');
    const [get, head] = [await target.getManifest('v1'), await target.headManifest('v1')];
    for (const name of ['Content-Type', 'Content-Length', 'Docker-Content-Digest', 'ETag']) {
      expect(head.header(name), `${name} on HEAD`).toBe(get.header(name));
    }
  });

  // spec.md, "API": existence is a matter of one repository.
  requirement('D18.1', 'MUST', 'finds a manifest only in its own repository', async ({ repository }) => {
    const [target, other] = [repository(), repository()];
    const image = await target.pushImage('v1');
    await other.pushImage('other');
    expectStatus(await other.getManifest(image.digest), 404);
    expectStatus(await other.getManifest('v1'), 404);
  });

  // The spec gives a registry no rule for choosing by Accept: what is stored is what there is.
  requirement('C8.1', 'SHOULD', 'serves an OCI manifest to who sends no Accept', async ({ repository }) => {
    const target = repository();
    const image = await target.pushImage('v1');
    expectBytes(await getWith(target, 'v1'), image.bytes);
  });

  requirement('C8.2', 'SHOULD', 'serves an OCI manifest to Accept: */*', async ({ repository }) => {
    const target = repository();
    const image = await target.pushImage('v1');
    expectBytes(await getWith(target, 'v1', '*/*'), image.bytes);
  });

  requirement(
    'C8.3',
    'SHOULD',
    'serves an OCI index to who lists only image manifests',
    async ({ repository }) => {
      const target = repository();
      const index = await pushIndex(target, 'v1');
      expectBytes(
        await getWith(target, 'v1', `${types.OCI_MANIFEST}, ${types.DOCKER_MANIFEST}`),
        index.bytes,
      );
    },
  );

  requirement(
    'C8.4',
    'SHOULD',
    'serves a docker list itself to who lists only docker manifests',
    async ({ repository }) => {
      const target = repository();
      const list = await pushDockerList(target, 'v1');
      expectBytes(await getWith(target, 'v1', types.DOCKER_MANIFEST), list.bytes);
    },
  );

  // Joined by commas, with weights, or one header line each: RFC 9110 section 5.3.
  requirement('C8.5', 'SHOULD', 'reads every form of Accept', async ({ repository }) => {
    const target = repository();
    const index = await pushIndex(target, 'v1');
    const weighted = `${types.OCI_MANIFEST};q=0.9, ${types.OCI_INDEX};q=0.8, */*;q=0.1`;
    const schema1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
    for (const accept of [
      weighted,
      [schema1, types.OCI_MANIFEST, types.OCI_INDEX],
      `${schema1},${types.OCI_INDEX}`,
    ]) {
      expectBytes(await getWith(target, 'v1', accept), index.bytes);
    }
  });

  // Containerd asks the blob route for manifests first and goes on only after a 404.
  requirement(
    'C10',
    'SHOULD',
    'answers 200 or 404 to a manifest asked for as a blob',
    async ({ repository }) => {
      const target = repository();
      const image = await target.pushImage('v1');
      expectStatus(await target.getBlob(image.digest), 200, 404);
    },
  );

  // RFC 9110 section 13.1.2; spec.md, "Referrers Tag Schema" counts on it for tags.
  requirement(
    'C22.1',
    'MAY',
    'answers 304 to If-None-Match with the ETag of a manifest',
    async ({ repository, skip }) => {
      const target = repository();
      await target.pushImage('v1');
      const etag = (await target.getManifest('v1')).header('ETag');
      if (etag === undefined) return skip('no ETag on manifests');
      const same = { Accept: types.ACCEPT_ALL, 'If-None-Match': etag };
      expectStatus(await target.getManifest('v1', same), 304);
      await target.pushImage('v1');
      expectStatus(await target.getManifest('v1', same), 200);
      expectStatus(
        await target.getManifest('v1', { Accept: types.ACCEPT_ALL, 'If-None-Match': '"other"' }),
        200,
      );
    },
  );

  // spec.md, "Registry Proxying": containerd adds ns= for mirrors, and an ordinary registry may ignore it.
  requirement('C47', 'SHOULD', 'serves a manifest although the client adds ns=', async ({ repository }) => {
    const target = repository();
    const image = await target.pushImage('v1');
    const answer = await target.getManifest('v1?ns=docker.io');
    expectBytes(answer, image.bytes);
    if (answer.header('OCI-Namespace') !== undefined) expectHeader(answer, 'OCI-Namespace', 'docker.io');
  });
});
