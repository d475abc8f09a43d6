import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { errorCodes, expectError, expectHeader, expectStatus } from '../checks.ts';
import { absentDigest, digestOf, randomBlob } from '../content.ts';
import type { Repository } from '../repository.ts';
import { category, requirement, type Trial } from '../requirement.ts';

/** Requests that go wrong in the usual ways. */
async function refusals({ repository }: Trial): Promise<Answer[]> {
  const target = repository();
  await target.pushImage('v1');
  return [
    await target.getManifest('absent'),
    await target.getBlob(absentDigest()),
    await repository().tags(),
    await target.closeUpload(await target.startUpload(), digestOf('other'), randomBlob().bytes),
    await target.request('PUT', 'manifests/v1', { body: 'no manifest' }),
  ];
}

const ERRORS: readonly [
  status: number,
  code: string,
  title: string,
  ask: (target: Repository) => Promise<Answer>,
][] = [
  [404, 'BLOB_UNKNOWN', 'an absent blob', (target) => target.getBlob(absentDigest())],
  [404, 'MANIFEST_UNKNOWN', 'an absent tag', (target) => target.getManifest('absent')],
  [404, 'NAME_UNKNOWN', 'tags of an absent repository', (target) => target.tags()],
  [404, 'BLOB_UPLOAD_UNKNOWN', 'an absent upload', askAbsentUpload],
  [400, 'DIGEST_INVALID', 'a malformed digest of a manifest', askBadManifestDigest],
  [400, 'MANIFEST_INVALID', 'a manifest that is not JSON', askBadManifest],
];

/** An upload of the right form that has ended. */
async function askAbsentUpload(target: Repository): Promise<Answer> {
  const upload = await target.startUpload();
  const blob = randomBlob();
  expectStatus(await target.closeUpload(upload, blob.digest, blob.bytes), 201);
  return target.client.request('GET', upload);
}

async function askBadManifestDigest(target: Repository): Promise<Answer> {
  const image = await target.prepareImage();
  return target.putManifest('sha256:nothex', image);
}

function askBadManifest(target: Repository): Promise<Answer> {
  const headers = { 'Content-Type': 'application/vnd.oci.image.manifest.v1+json' };
  return target.request('PUT', 'manifests/v1', { headers, body: '{"schemaVersion":' });
}

category('base', () => {
  // spec.md, "Determining Support" (end-1).
  requirement('D8', 'MUST', 'answers 200 at /v2/ to a caller it knows', async ({ client }) => {
    expectStatus(await client.request('GET', '/v2/'), 200);
  });

  // Clients differ in the trailing slash; a GET may be redirected, other methods would lose their body.
  requirement('C34.1', 'SHOULD', 'knows /v2 without the slash', async ({ client }) => {
    const answer = await client.request('GET', '/v2');
    expectStatus(answer, 200, 301, 307, 308);
    if (answer.status !== 200) expect(answer.location().pathname).toMatch(/\/v2\/$/);
  });

  // spec.md, "Legacy Docker support HTTP headers": optional, but with only one value that clients know.
  requirement(
    'D7',
    'MAY',
    'sends Docker-Distribution-API-Version: registry/2.0',
    async ({ client, skip }) => {
      const answer = await client.request('GET', '/v2/');
      if (answer.header('Docker-Distribution-API-Version') === undefined) skip('header not sent');
      expectHeader(answer, 'Docker-Distribution-API-Version', 'registry/2.0');
    },
  );

  // Podman would ask such a registry for signatures at an API of OpenShift's own.
  requirement('C49', 'SHOULD', 'does not claim the signature extension', async ({ client }) => {
    const answer = await client.request('GET', '/v2/');
    expect(answer.header('X-Registry-Supports-Signatures')).toBeUndefined();
  });

  // spec.md, "Error Codes": the body may be anything, but JSON has one shape.
  requirement('D65', 'MUST', 'gives errors in JSON the shape of the spec', async (trial) => {
    const answers = (await refusals(trial)).filter((answer) =>
      /json/.test(answer.header('Content-Type') ?? ''),
    );
    if (answers.length === 0) trial.skip('no error has a JSON body');
    for (const answer of answers) {
      const codes = errorCodes(answer);
      expect(codes.length, `${answer}: number of errors`).toBeGreaterThan(0);
      for (const code of codes) expect(code, `${answer}: code`).toMatch(/^[A-Z_]+$/);
    }
  });

  for (const [at, [status, code, title, ask]] of ERRORS.entries()) {
    // spec.md, "Error Codes", and the status that distribution gives each of them.
    requirement(
      `D66.${at + 1}`,
      'SHOULD',
      `answers ${status} ${code} to ${title}`,
      async ({ repository }) => {
        expectError(await ask(repository()), status, code);
      },
    );
  }

  // spec.md, "Warnings": code 299, agent "-", no date, 4096 bytes in all. Clients parse nothing else.
  requirement('D68', 'MUST', 'sends warnings in the one form that clients parse', async (trial) => {
    const target = trial.repository();
    const image = await target.prepareImage();
    const answers = [
      await target.putManifest('v1', image),
      await target.getManifest('v1'),
      await target.tags(),
    ];
    answers.push(...(await refusals(trial)));
    const warned = answers.filter((answer) => answer.headerLines('Warning').length > 0);
    if (warned.length === 0) trial.skip('no Warning seen');
    for (const answer of warned) {
      const lines = answer.headerLines('Warning');
      for (const line of lines) expect(line, String(answer)).toMatch(/^299 - "(?:[^"\\]|\\.)*"$/);
      expect(Buffer.byteLength(lines.join('')), `${answer}: bytes of warnings`).toBeLessThanOrEqual(4096);
    }
  });

  // extensions/README.md: "_" cannot begin a repository name, so this never hides one.
  requirement('D70', 'MAY', 'lists its extensions at /v2/_oci/ext/discover', async ({ client, skip }) => {
    const answer = await client.request('GET', '/v2/_oci/ext/discover');
    if (answer.status === 404) skip('no extension discovery (404)');
    expectStatus(answer, 200);
    const { extensions } = answer.json() as { extensions?: unknown };
    expect(Array.isArray(extensions), `${answer}: extensions is an array`).toBe(true);
  });

  // Browsers ask first and send no credentials with it.
  requirement(
    'C45',
    'MAY',
    'answers a browser that asks before it reads (CORS)',
    async ({ client, skip }) => {
      const headers = { Origin: 'https://ui.example', 'Access-Control-Request-Method': 'GET' };
      const answer = await client.request('OPTIONS', '/v2/', { authorization: 'none', headers });
      const origin = answer.header('Access-Control-Allow-Origin');
      if (origin === undefined) skip('no CORS headers');
      expectStatus(answer, 200, 204);
      const secret = answer.header('Access-Control-Allow-Credentials') === 'true';
      expect(secret && origin === '*', `${answer}: credentials together with *`).toBe(false);
    },
  );

  // Docker Hub's convention: tools read a number, then what it is per.
  requirement(
    'C46',
    'MAY',
    'states rate limits in the form that tools read',
    async ({ repository, skip }) => {
      const target = repository();
      await target.pushImage('v1');
      const answer = await target.headManifest('v1');
      if (answer.header('RateLimit-Limit') === undefined) skip('no RateLimit-Limit header');
      expectHeader(answer, 'RateLimit-Limit', /^\d+(;w=\d+)?$/);
      expectHeader(answer, 'RateLimit-Remaining', /^\d+(;w=\d+)?$/);
    },
  );
});
