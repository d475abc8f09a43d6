import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { expectBytes, expectHeader, expectRefused, expectStatus, uploadedEnd } from '../checks.ts';
import { absentDigest, type Blob, digestOf, randomBlob } from '../content.ts';
import { type Repository, withDigest } from '../repository.ts';
import { category, requirement } from '../requirement.ts';

/** Large enough for a registry that wants chunks of a minimum size: see D24. */
const CHUNK = 1000;

type Open = { target: Repository; upload: URL; blob: Blob; chunk: (at: number) => Buffer; minimum: number };

/** An upload for a blob of three chunks. */
async function open(target: Repository): Promise<Open> {
  const answer = await target.postUpload();
  expectStatus(answer, 202);
  // spec.md, "Pushing a blob in chunks": every chunk but the last reaches this.
  const minimum = Number(answer.header('OCI-Chunk-Min-Length') ?? 0);
  const size = Math.max(CHUNK, minimum);
  const blob = randomBlob(3 * size);
  const chunk = (at: number) => blob.bytes.subarray(at * size, (at + 1) * size);
  return { target, upload: answer.location(), blob, chunk, minimum };
}

/** `first-last` of a chunk. */
function rangeOf({ chunk }: Open, at: number): string {
  const size = chunk(at).length;
  return `${at * size}-${(at + 1) * size - 1}`;
}

/** Sends the first `count` chunks. @returns where to go on. */
async function sendChunks(session: Open, count: number): Promise<URL> {
  let upload = session.upload;
  for (let at = 0; at < count; at++) {
    const answer = await session.target.patchUpload(upload, session.chunk(at), rangeOf(session, at));
    expectStatus(answer, 202);
    upload = answer.location();
  }
  return upload;
}

/** Ends a session of which two chunks arrived. */
async function finish(session: Open, upload: URL): Promise<void> {
  const { target, blob, chunk } = session;
  expectStatus(
    await target.closeUpload(upload, blob.digest, chunk(2), {
      headers: { 'Content-Range': rangeOf(session, 2) },
    }),
    201,
  );
  expectBytes(await target.getBlob(blob.digest), blob.bytes);
}

const WRONG: readonly [id: string, title: string, sent: number, at: number][] = [
  ['D27.1', 'a first chunk that does not start at 0', 0, 1],
  ['D27.2', 'a chunk that leaves a gap', 1, 2],
  ['D27.3', 'a chunk that was already sent', 2, 1],
];

category('chunks', () => {
  // spec.md, "Pushing a blob in chunks" (end-5).
  requirement(
    'D26.1',
    'MUST',
    'takes chunks with Content-Range, each with 202, Location and Range',
    async ({ repository }) => {
      const session = await open(repository());
      let upload = session.upload;
      for (const at of [0, 1, 2]) {
        const answer = await session.target.patchUpload(upload, session.chunk(at), rangeOf(session, at));
        expectStatus(answer, 202);
        expectHeader(answer, 'Range', `0-${(at + 1) * session.chunk(0).length - 1}`);
        upload = answer.location();
      }
      const end = await session.target.closeUpload(upload, session.blob.digest);
      expectStatus(end, 201);
      expectBytes(await session.target.client.read('GET', end.location()), session.blob.bytes);
    },
  );

  requirement('D28', 'MUST', 'takes the last chunk in the closing PUT', async ({ repository }) => {
    const session = await open(repository());
    await finish(session, await sendChunks(session, 2));
  });

  requirement(
    'D24',
    'MAY',
    'states the minimum length of chunks as a number',
    async ({ repository, skip }) => {
      const answer = await repository().postUpload();
      if (answer.header('OCI-Chunk-Min-Length') === undefined) skip('no minimum');
      expectHeader(answer, 'OCI-Chunk-Min-Length', /^\d+$/);
    },
  );

  for (const [id, title, sent, at] of WRONG) {
    // "MUST be uploaded in order", and 416 when not.
    requirement(id, 'MUST', `answers 416 to ${title}`, async ({ repository }) => {
      const session = await open(repository());
      const upload = await sendChunks(session, sent);
      expectStatus(await session.target.patchUpload(upload, session.chunk(at), rangeOf(session, at)), 416);
    });
  }

  requirement('D29', 'MUST', 'answers 416 to a closing PUT out of order', async ({ repository }) => {
    const session = await open(repository());
    const upload = await sendChunks(session, 1);
    const headers = { 'Content-Range': rangeOf(session, 2) };
    expectStatus(
      await session.target.closeUpload(upload, session.blob.digest, session.chunk(2), { headers }),
      416,
    );
  });

  requirement(
    'V7.1',
    'MUST',
    'keeps the upload after a PATCH out of order',
    async ({ client, repository, skip }) => {
      const session = await open(repository());
      const upload = await sendChunks(session, 1);
      const refused = await session.target.patchUpload(upload, session.chunk(2), rangeOf(session, 2));
      if (refused.status !== 416) skip('does not refuse the chunk: see D27.2');
      const status = await client.request('GET', upload);
      expectStatus(status, 204);
      expect(uploadedEnd(status), `${status}: last byte`).toBe(session.chunk(0).length - 1);
      const next = await session.target.patchUpload(status.location(), session.chunk(1), rangeOf(session, 1));
      expectStatus(next, 202);
      await finish(session, next.location());
    },
  );

  // A client may ask at the very URL that it closed with, digest included.
  requirement(
    'V7.2',
    'MUST',
    'keeps the upload after a closing PUT out of order',
    async ({ client, repository, skip }) => {
      const session = await open(repository());
      const upload = await sendChunks(session, 1);
      const headers = { 'Content-Range': rangeOf(session, 2) };
      const refused = await session.target.closeUpload(upload, session.blob.digest, session.chunk(2), {
        headers,
      });
      if (refused.status !== 416) skip('does not refuse the chunk: see D29');
      const status = await client.request('GET', withDigest(upload, session.blob.digest));
      expectStatus(status, 204);
      expect(uploadedEnd(status), `${status}: last byte`).toBe(session.chunk(0).length - 1);
      const next = await session.target.patchUpload(status.location(), session.chunk(1), rangeOf(session, 1));
      expectStatus(next, 202);
      await finish(session, next.location());
    },
  );

  // Regclient resumes straight from the 416.
  requirement('C29', 'SHOULD', 'says with 416 where to go on', async ({ repository, skip }) => {
    const session = await open(repository());
    const upload = await sendChunks(session, 1);
    const refused = await session.target.patchUpload(upload, session.chunk(2), rangeOf(session, 2));
    if (refused.status !== 416) skip('does not refuse the chunk: see D27.2');
    expect(uploadedEnd(refused), `${refused}: last byte`).toBe(session.chunk(0).length - 1);
    expectStatus(
      await session.target.patchUpload(refused.location(), session.chunk(1), rangeOf(session, 1)),
      202,
    );
  });

  // spec.md, "Pushing a blob in chunks" (end-13).
  requirement('D30.1', 'MUST', 'tells how much of an upload it has', async ({ client, repository }) => {
    const session = await open(repository());
    const fresh = await client.request('GET', session.upload);
    expectStatus(fresh, 204);
    uploadedEnd(fresh);
    const status = await client.request('GET', await sendChunks(session, 2));
    expectStatus(status, 204);
    expect(uploadedEnd(status), `${status}: last byte`).toBe(2 * session.chunk(0).length - 1);
    await finish(session, status.location());
  });

  // spec.md, "Cancelling an upload" (end-14).
  requirement(
    'D31.1',
    'SHOULD',
    'cancels an upload with 204, after which it is gone',
    async ({ client, repository, skip }) => {
      const session = await open(repository());
      const upload = await sendChunks(session, 1);
      const answer = await client.request('DELETE', upload);
      if (answer.status === 405) skip('does not cancel uploads (405)');
      expectStatus(answer, 204);
      expectStatus(await client.request('GET', upload), 404);
      expectStatus(await session.target.closeUpload(upload, digestOf(session.chunk(0))), 404);
    },
  );

  // Docker, podman and Jib stream a layer in one PATCH without saying how long it is.
  requirement('C30.2', 'MUST', 'appends a PATCH without length or Content-Range', async ({ repository }) => {
    const session = await open(repository());
    let upload = session.upload;
    for (const at of [0, 1, 2]) {
      const answer = await session.target.patchUpload(upload, session.chunk(at), undefined, {
        chunked: true,
      });
      expectStatus(answer, 202);
      expectHeader(answer, 'Range', `0-${(at + 1) * session.chunk(0).length - 1}`);
      upload = answer.location();
    }
    expectStatus(await session.target.closeUpload(upload, session.blob.digest), 201);
    expectBytes(await session.target.getBlob(session.blob.digest), session.blob.bytes);
  });

  requirement('C30.3', 'SHOULD', 'takes a PATCH without Content-Type', async ({ client, repository }) => {
    const session = await open(repository());
    expectStatus(await client.request('PATCH', session.upload, { body: session.chunk(0) }), 202);
  });

  requirement(
    'C30.4',
    'MUST',
    'checks the start of a chunk that is sent without a length',
    async ({ repository }) => {
      const session = await open(repository());
      const upload = await sendChunks(session, 1);
      const answer = await session.target.patchUpload(upload, session.chunk(2), rangeOf(session, 2), {
        chunked: true,
      });
      expectStatus(answer, 416);
    },
  );

  // "^[0-9]+-[0-9]+$", and as long as the body.
  requirement('D25.1', 'SHOULD', 'refuses a Content-Range that it cannot read', async ({ repository }) => {
    for (const range of ['abc', '10', '5-', '-5', '9-0']) {
      const session = await open(repository());
      expectRefused(
        await session.target.patchUpload(session.upload, session.chunk(0), range),
        `Content-Range: ${range}`,
      );
    }
  });

  requirement(
    'D25.2',
    'SHOULD',
    'refuses a chunk of another length than its Content-Range',
    async ({ repository }) => {
      const session = await open(repository());
      const answer = await session.target.patchUpload(
        session.upload,
        session.chunk(0),
        `0-${session.chunk(0).length + 9}`,
      );
      expectRefused(answer, 'a chunk shorter than it says');
    },
  );

  requirement('D32.2', 'MUST', 'refuses chunks that do not hash to the digest', async ({ repository }) => {
    const session = await open(repository());
    const digest = absentDigest();
    expectStatus(await session.target.closeUpload(await sendChunks(session, 3), digest), 400);
    expectStatus(await session.target.getBlob(digest), 404);
    expectStatus(await session.target.getBlob(session.blob.digest), 404);
  });

  // A client that lost its connection tries again while the first request still runs.
  requirement('C32.3', 'SHOULD', 'never mixes two requests on one upload', async ({ repository }) => {
    const session = await open(repository());
    const { target, upload } = session;
    const [first, second] = [randomBlob(300_000).bytes, randomBlob(300_000).bytes];
    const accepted: Buffer[] = [];
    let last = upload;
    const note = (bytes: Buffer) => (answer: Answer) => {
      if (answer.status !== 202) return expectRefused(answer, 'a second request on one upload');
      accepted.push(bytes);
      last = answer.location();
    };
    await Promise.all([
      target.client.request('PATCH', upload, { body: slowly(first) }).then(note(first)),
      sleep(100)
        .then(() => target.patchUpload(upload, second))
        .then(note(second)),
    ]);
    const status = await target.client.request('GET', last);
    expectStatus(status, 204);
    const whole = Buffer.concat(accepted);
    expect(uploadedEnd(status), `${status}: last byte`).toBe(whole.length - 1);
    expectStatus(await target.closeUpload(status.location(), digestOf(whole)), 201);
  });
});

/** Half of it at once, the rest a little later. */
async function* slowly(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes.subarray(0, bytes.length / 2);
  await sleep(400);
  yield bytes.subarray(bytes.length / 2);
}
