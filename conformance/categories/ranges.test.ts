import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { expectBytes, expectHeader, expectStatus } from '../checks.ts';
import { type Blob, randomBlob } from '../content.ts';
import { category, requirement } from '../requirement.ts';

const SIZE = 1000;

/** One range, as RFC 9110 section 15.3.7.1 has it. @param end inclusive. */
function expectPart(answer: Answer, blob: Blob, start: number, end: number): void {
  expectStatus(answer, 206);
  expectHeader(answer, 'Content-Range', `bytes ${start}-${end}/${blob.bytes.length}`);
  expectHeader(answer, 'Content-Length', String(end - start + 1));
  expect(answer.body.equals(blob.bytes.subarray(start, end + 1)), `${answer}: the bytes of the range`).toBe(
    true,
  );
}

type Part = Readonly<{ range: string; bytes: Buffer }>;

/** The parts of a multipart/byteranges body. RFC 9110 section 14.6, RFC 2046 section 5.1. */
function partsOf(answer: Answer): Part[] {
  const boundary = /^multipart\/byteranges; *boundary="?([^";]+)"?$/i.exec(
    answer.header('Content-Type') ?? '',
  )?.[1];
  if (boundary === undefined)
    expect.fail(`${answer}: Content-Type ${answer.header('Content-Type')} is not multipart/byteranges`);
  const body = answer.body.toString('latin1');
  if (!body.includes(`--${boundary}--`)) expect.fail(`${answer}: the body has no closing boundary`);
  const sections = body.split(`--${boundary}`).slice(1, -1);
  return sections.map((section) => {
    const [head = '', ...rest] = section.split('\r\n\r\n');
    const range = /content-range: *bytes ([^\r\n]+)/i.exec(head)?.[1] ?? 'no Content-Range';
    // Each section ends with the line break that belongs to the next boundary.
    return { range, bytes: Buffer.from(rest.join('\r\n\r\n').slice(0, -2), 'latin1') };
  });
}

function expectParts(answer: Answer, blob: Blob, wanted: readonly (readonly [number, number])[]): void {
  expectStatus(answer, 206);
  const parts = partsOf(answer);
  const ranges = wanted.map(([start, end]) => `${start}-${end}/${blob.bytes.length}`);
  expect(
    parts.map(({ range }) => range),
    'Content-Range of each part',
  ).toEqual(ranges);
  for (const [at, [start, end]] of wanted.entries()) {
    expect(parts[at]?.bytes.equals(blob.bytes.subarray(start, end + 1)), `the bytes of part ${at}`).toBe(
      true,
    );
  }
}

const ONE_RANGE: readonly [asked: string, start: number, end: number, title: string][] = [
  ['bytes=0-9', 0, 9, 'the first bytes'],
  ['bytes=0-1', 0, 1, 'the two bytes that lazy pullers probe with'],
  ['bytes=100-199', 100, 199, 'bytes from the middle'],
  ['bytes=990-', 990, 999, 'an open range'],
  ['bytes=-5', 995, 999, 'a suffix'],
  ['bytes=-5000', 0, 999, 'a suffix longer than the blob'],
  ['bytes=990-5000', 990, 999, 'a range that ends behind the blob'],
];

category('ranges', () => {
  for (const [at, [asked, start, end, title]] of ONE_RANGE.entries()) {
    // spec.md, "Pulling blobs"; RFC 9110 section 14.1.2.
    requirement(`D16.${at + 1}`, 'SHOULD', `serves ${title} (${asked})`, async ({ repository }) => {
      const target = repository();
      const blob = await target.pushBlob(randomBlob(SIZE));
      expectPart(await target.getBlob(blob.digest, { Range: asked }), blob, start, end);
    });
  }

  // RFC 9110 section 15.5.17.
  requirement('V6.1', 'SHOULD', 'answers 416 to a range behind the end', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob(SIZE));
    const answer = await target.getBlob(blob.digest, { Range: 'bytes=5000-10000' });
    expectStatus(answer, 416);
    expectHeader(answer, 'Content-Range', `bytes */${SIZE}`);
  });

  // Section 14.1.1 calls it invalid and lets a server ignore it; to answer with a part would be wrong.
  requirement(
    'V6.2',
    'SHOULD',
    'answers 416 to a range that ends before it starts',
    async ({ repository, skip }) => {
      const target = repository();
      const blob = await target.pushBlob(randomBlob(SIZE));
      const answer = await target.getBlob(blob.digest, { Range: 'bytes=500-0' });
      if (answer.status === 200) skip('ignores an invalid range');
      expectStatus(answer, 416);
    },
  );

  // RFC 9110 section 14.2: a unit that the server does not know is to be ignored.
  requirement('D16.8', 'SHOULD', 'ignores a range of another unit', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob(SIZE));
    expectBytes(await target.getBlob(blob.digest, { Range: 'lines=0-9' }), blob.bytes);
  });

  // RFC 9110 section 14.2 defines ranges for GET alone.
  requirement('D16.9', 'SHOULD', 'ignores a range on HEAD', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob(SIZE));
    const answer = await target.headBlob(blob.digest, { Range: 'bytes=0-9' });
    expectStatus(answer, 200);
    expectHeader(answer, 'Content-Length', String(SIZE));
  });

  // Partial pulls of podman (zstd:chunked) and stargz; the total has to be a number.
  requirement('C20.1', 'SHOULD', 'serves several ranges as multipart/byteranges', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob(SIZE));
    const answer = await target.getBlob(blob.digest, { Range: 'bytes=0-9,100-149,990-999' });
    expectParts(answer, blob, [
      [0, 9],
      [100, 149],
      [990, 999],
    ]);
    expectHeader(answer, 'Content-Length', String(answer.body.length));
  });

  requirement(
    'C20.2',
    'SHOULD',
    'leaves out the unsatisfiable one of several ranges',
    async ({ repository }) => {
      const target = repository();
      const blob = await target.pushBlob(randomBlob(SIZE));
      const answer = await target.getBlob(blob.digest, { Range: 'bytes=0-9, 5000-6000, 20-29' });
      expectParts(answer, blob, [
        [0, 9],
        [20, 29],
      ]);
    },
  );

  requirement(
    'C20.3',
    'SHOULD',
    'answers 416 when none of several ranges can be had',
    async ({ repository }) => {
      const target = repository();
      const blob = await target.pushBlob(randomBlob(SIZE));
      expectStatus(await target.getBlob(blob.digest, { Range: 'bytes=5000-6000,7000-8000' }), 416);
    },
  );

  // Podman sends up to 1024 ranges in one header, which is longer than the usual 16 KiB limit of servers.
  requirement('C21', 'SHOULD', 'takes 1024 ranges in one header', async ({ repository, skip }) => {
    const target = repository();
    const blob = await target.pushBlob(randomBlob(1_000_000 + 1024 * 1024));
    const wanted = Array.from(
      { length: 1024 },
      (_, at) => [1_000_000 + at * 1024, 1_000_015 + at * 1024] as const,
    );
    const header = `bytes=${wanted.map(([start, end]) => `${start}-${end}`).join(',')}`;
    expect(header.length).toBeGreaterThan(16_384);
    const answer = await target.getBlob(blob.digest, { Range: header });
    if (answer.status === 200) skip('serves the whole blob instead');
    expectParts(answer, blob, wanted);
  });
});
