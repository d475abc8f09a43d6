import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { expectRefused, expectStatus } from '../checks.ts';
import * as content from '../content.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';
import type { Repository } from '../repository.ts';
import { category, requirement } from '../requirement.ts';

/** Nothing that a stranger sends is the server's fault. RFC 9110 section 15.6. */
function expectNotOurFault(answer: Answer): void {
  if (answer.status >= 500) expect.fail(`${answer}; want no 5xx`);
}

const HEX = 'a'.repeat(64);

/** Below /v2/, sent as they are. None of them names anything. */
const HOSTILE_PATHS = [
  '..%2f..%2f..%2fetc%2fpasswd/manifests/latest',
  '../../etc/passwd/manifests/latest',
  'a/../../b/manifests/latest',
  'a/./b/manifests/latest',
  'a//b/manifests/latest',
  '/manifests/latest',
  '%00/manifests/latest',
  'a%00b/manifests/latest',
  'a%0d%0ab/manifests/latest',
  '%ff%fe/manifests/latest',
  '%c3%a9/manifests/latest',
  'a%zz/manifests/latest',
  'a%/manifests/latest',
  '__proto__/manifests/constructor',
  'a/manifests/',
  'a/manifests',
  'a/manifests/..',
  'a/manifests/%2e%2e',
  'a/manifests/..%2f..%2fsecret',
  'a/manifests/%00',
  'a/manifests/sha256:',
  'a/manifests/:',
  'a/manifests/sha256:..%2f..%2f',
  `a/manifests/${'x'.repeat(5000)}`,
  'a/blobs/',
  'a/blobs/latest',
  `a/blobs/sha256:${HEX}%00`,
  `a/blobs/sha256:../../${HEX}`,
  `a/blobs/..:${HEX}`,
  `a/blobs/sha256+a.b_c:${HEX}`,
  'a/blobs/uploads/..',
  'a/blobs/uploads/%2e%2e%2f%2e%2e',
  'a/blobs/uploads/00000000-0000-0000-0000-000000000000',
  'a/tags/',
  'a/tags/lis',
  'a/referrers/',
  `a/referrers/sha256:${HEX}/x`,
  '_catalog/x',
  '_nothing',
];

const HOSTILE_QUERIES = [
  'n=-1',
  'n=abc',
  'n=',
  'n=1.5',
  'n=1e9',
  `n=${'9'.repeat(30)}`,
  'last=%00',
  'last=%ff',
  'last=../..',
  'n=1&n=2',
  '=&&=',
  `last=${'x'.repeat(4000)}`,
];

/** Bodies that a reader of manifests may trip over. */
const HOSTILE_FIELDS: readonly Record<string, unknown>[] = [
  { layers: 'x' },
  { layers: [null] },
  { layers: [[]] },
  { layers: {} },
  { config: 5 },
  { config: null },
  { config: { mediaType: 5, digest: 5, size: '7' } },
  { layers: [{ mediaType: 'a/b', digest: 'sha256:../../../etc/passwd', size: 1 }] },
  { layers: [{ mediaType: 'a/b', digest: `sha256:${HEX}`, size: -1 }] },
  { layers: [{ mediaType: 'a/b', digest: `sha256:${HEX}`, size: 1e300 }] },
  { layers: [{ mediaType: 'a/b', digest: '__proto__', size: 1 }] },
  { schemaVersion: '2' },
  { schemaVersion: 3 },
  { mediaType: 5 },
  { subject: 'x' },
  { subject: { mediaType: OCI_MANIFEST, digest: 'x', size: 1 } },
  { annotations: [] },
  { annotations: { a: 5 } },
];

async function put(target: Repository, body: string | Uint8Array, type = OCI_MANIFEST): Promise<Answer> {
  return target.request('PUT', 'manifests/v1', { headers: { 'Content-Type': type }, body });
}

category('hostile', () => {
  requirement('H1', 'MUST', 'answers odd paths with 4xx', async ({ client }) => {
    for (const path of HOSTILE_PATHS) {
      const answer = await client.request('GET', `/v2/${path}`);
      // A router may tidy the path up first; what it redirects to is a path of ours again.
      if (![301, 307, 308].includes(answer.status)) expectRefused(answer, 'a path that names nothing');
    }
  });

  requirement('H2', 'MUST', 'survives odd paths with every method', async ({ client }) => {
    for (const method of ['PUT', 'POST', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND']) {
      for (const path of HOSTILE_PATHS)
        expectNotOurFault(await client.request(method, `/v2/${path}`, { body: '' }));
    }
  });

  requirement('H3', 'MUST', 'survives odd queries on every listing', async ({ client, repository }) => {
    const target = repository();
    const image = await target.pushImage('v1');
    for (const query of HOSTILE_QUERIES) {
      for (const path of [
        `${target.name}/tags/list`,
        `${target.name}/referrers/${image.digest}`,
        '_catalog',
      ]) {
        expectNotOurFault(await client.request('GET', `/v2/${path}?${query}`));
      }
    }
  });

  requirement('H4', 'MUST', 'survives odd queries on uploads', async ({ repository }) => {
    const target = repository();
    const digest = content.absentDigest();
    for (const query of [
      'digest=',
      'digest=x',
      `digest=${digest}&digest=${digest}`,
      'mount=',
      'mount=x&from=y',
    ]) {
      expectNotOurFault(await target.postUpload(`?${query}`));
    }
    for (const from of ['', '..%2f..%2fetc', 'UPPER', '%00', target.name, 'x'.repeat(300)]) {
      expectNotOurFault(await target.postUpload(`?mount=${digest}&from=${from}`));
    }
  });

  requirement('H5', 'MUST', 'survives odd Content-Ranges and Ranges', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(content.randomBlob());
    const values = [
      '',
      '-',
      '--',
      '0',
      '9-1',
      '-1-5',
      'x-y',
      '0-99999999999999999999999',
      '99999999999999999999-1',
      '0-1,2-3',
    ];
    for (const value of values) {
      expectNotOurFault(await target.patchUpload(await target.startUpload(), blob.bytes, value));
      const answer = await target.getBlob(blob.digest, { Range: `bytes=${value}` });
      expectStatus(answer, 200, 206, 400, 416);
    }
  });

  requirement('H6', 'MUST', 'refuses bodies that are no manifest with 4xx', async ({ repository }) => {
    const target = repository();
    const deep = '['.repeat(100_000);
    const bodies = [
      '',
      'null',
      '[]',
      '5',
      '"x"',
      '{',
      'not json',
      deep,
      '{"a":'.repeat(50_000),
      Buffer.from('fffe00', 'hex'),
      '\ufeff{}',
    ];
    for (const type of [OCI_MANIFEST, OCI_INDEX]) {
      for (const body of bodies) expectRefused(await put(target, body, type), 'a body that is no manifest');
    }
  });

  requirement('H7', 'MUST', 'survives manifests with fields of the wrong kind', async ({ repository }) => {
    const target = repository();
    const image = await target.prepareImage();
    const fields = JSON.parse(image.bytes.toString()) as Record<string, unknown>;
    for (const wrong of HOSTILE_FIELDS)
      expectNotOurFault(await put(target, JSON.stringify({ ...fields, ...wrong })));
    for (const manifests of ['x', {}, [null], [5], [{ digest: 5 }]]) {
      expectNotOurFault(
        await put(target, JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }), OCI_INDEX),
      );
    }
  });

  requirement('H8', 'SHOULD', 'refuses descriptors whose digest is none', async ({ repository }) => {
    const target = repository();
    const image = await target.prepareImage();
    const fields = JSON.parse(image.bytes.toString()) as Record<string, unknown>;
    for (const digest of ['sha256:../../../etc/passwd', '__proto__', 'x', '', 5, `sha256:${HEX.slice(1)}`]) {
      const layers = [{ mediaType: 'application/vnd.example', digest, size: 1 }];
      expectRefused(await put(target, JSON.stringify({ ...fields, layers })), `the digest ${digest}`);
    }
  });

  // JSON.parse makes "__proto__" an own key; whoever copies it may change the prototype of the copy.
  requirement('H9', 'MUST', 'keeps a manifest with keys like __proto__ as it is', async ({ repository }) => {
    const target = repository();
    const image = await target.prepareImage({ annotations: { constructor: 'a', toString: 'b' } });
    const bytes = Buffer.from(image.bytes.toString().replace('{', '{"__proto__":{"layers":[]},'));
    const manifest = { ...content.blobOf(bytes), mediaType: image.mediaType };
    const answer = await target.putManifest('v1', manifest);
    expectStatus(answer, 201);
    expect((await target.getManifest('v1')).body.equals(bytes), 'the bytes pushed').toBe(true);
  });

  requirement('H10', 'SHOULD', 'answers methods it does not have with 4xx', async ({ repository }) => {
    const target = repository();
    const image = await target.pushImage('v1');
    for (const [method, rest] of [
      ['POST', 'manifests/v1'],
      ['PATCH', 'manifests/v1'],
      ['PUT', `blobs/${image.digest}`],
      ['POST', `blobs/${image.digest}`],
      ['DELETE', 'tags/list'],
      ['PUT', 'tags/list'],
    ] as const) {
      expectRefused(await target.request(method, rest, { body: '' }), method);
    }
  });

  requirement(
    'H11',
    'SHOULD',
    'answers odd headers with 4xx or not at all differently',
    async ({ client, repository }) => {
      const target = repository();
      await target.pushImage('v1');
      const headers = [
        { Accept: '' },
        { Accept: 'x'.repeat(6000) },
        { Accept: ';;;,,,' },
        { 'If-None-Match': '"' },
        { Authorization: 'Basic' },
      ];
      for (const odd of headers)
        expectNotOurFault(await target.getManifest('v1', odd as Record<string, string>));
      for (const authorization of [
        'Bearer',
        'Basic ====',
        `Bearer ${'x'.repeat(4000)}`,
        'Digest a=b',
        'a'.repeat(100),
      ]) {
        expectNotOurFault(await client.request('GET', '/v2/', { authorization }));
      }
    },
  );
});
