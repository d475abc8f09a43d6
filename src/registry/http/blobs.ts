import { randomUUID } from 'node:crypto';
import type { BlobRecord } from '../../index/index.js';
import { parseDigest } from '../../oci/index.js';
import type { ByteRange, ByteReader } from '../../storage/index.js';
import { namesDigest, sendEmpty } from './answers.js';
import { HttpError } from './errors.js';
import { parseRanges } from './ranges.js';
import type { Registry, RegistryContext, RequestOf } from './registry.js';
import { type SendBuffers, sendFile } from './send.js';

const BLOB_TYPE = 'application/octet-stream';

/** GET and HEAD of a blob. distribution-spec spec.md, "Pulling blobs" (end-2). */
export function readBlob({ blobs, buffers, settings, witness }: Registry) {
  return async (ctx: RegistryContext, { repository, digest: text }: RequestOf<'blob'>) => {
    const method = ctx.method === 'HEAD' ? 'HEAD' : 'GET';
    const digest = parseDigest(text);
    // A GET sees for itself whether the bytes are there, unless it sends the client to where they should be.
    const looks = method === 'GET' && !settings.redirect;
    const blob = await (looks ? blobs.find(repository, digest) : blobs.get(repository, digest));
    describeBlob(ctx, blob);
    witness?.pulled(ctx, { action: 'pull', kind: 'blob', repository, digest: blob.digest, size: blob.size });
    if (namesDigest(ctx.get('If-None-Match'), blob.digest)) return sendEmpty(ctx, 304);
    const url = settings.redirect ? await blobs.signedUrl(blob, method) : undefined;
    if (url !== undefined) {
      ctx.set('Location', url);
      return sendEmpty(ctx, 307);
    }
    await sendBlob(ctx, blob, { open: (range) => blobs.open(repository, blob, range), buffers });
  };
}

type Sendable = Pick<BlobRecord, 'digest' | 'size'>;

/** Sends what is asked for of a blob that was described. @param how `open` is asked for one range after the other. */
export async function sendBlob(
  ctx: RegistryContext,
  blob: Sendable,
  { open, buffers }: { open: (range: ByteRange) => Promise<ByteReader>; buffers: SendBuffers },
): Promise<void> {
  // Only GET has ranges. RFC 9110 section 14.2.
  const isGet = ctx.method !== 'HEAD';
  const ranges = isGet ? parseRanges(ctx.get('Range') || undefined, blob.size) : 'all';
  if (ranges === 'unsatisfiable') throw unsatisfiable(blob);
  const parts =
    ranges === 'all' ? whole(blob) : ranges.length === 1 ? single(blob, ranges[0]) : multiple(blob, ranges);
  ctx.status = ranges === 'all' ? 200 : 206;
  if (parts.contentRange) ctx.set('Content-Range', parts.contentRange);
  ctx.set('Content-Type', parts.contentType);
  ctx.set('Content-Length', String(parts.length));
  // Opened before the headers go out: a failure must still be able to become an error answer.
  await using first = isGet && parts.ranges[0] ? await open(parts.ranges[0].range) : undefined;
  ctx.respond = false;
  if (first === undefined) {
    ctx.res.end();
    return;
  }
  for (const { head, range } of parts.ranges) {
    if (head) ctx.res.write(head);
    if (range === parts.ranges[0]?.range) await sendFile(first, ctx.res, buffers);
    else {
      await using next = await open(range);
      await sendFile(next, ctx.res, buffers);
    }
  }
  ctx.res.end(parts.tail);
}

/** The same where nobody knows how large the blob is. @param file all of it; nothing for HEAD. */
export async function sendBlobOfUnknownSize(
  ctx: RegistryContext,
  file: ByteReader | undefined,
  buffers: SendBuffers,
): Promise<void> {
  ctx.status = 200;
  ctx.set('Content-Type', BLOB_TYPE);
  ctx.respond = false;
  if (file) await sendFile(file, ctx.res, buffers);
  ctx.res.end();
}

/** DELETE of a blob (end-10). */
export function deleteBlob({ blobs, witness }: Registry) {
  return async (ctx: RegistryContext, { repository, digest: text }: RequestOf<'blob'>) => {
    const digest = parseDigest(text);
    await blobs.delete(repository, digest);
    await witness?.changed(ctx, [{ action: 'delete', kind: 'blob', repository, digest }]);
    sendEmpty(ctx, 202);
  };
}

/** What is sent for a GET: ranges of the blob, each perhaps behind a head of its own. `length` in bytes of all. */
type Parts = Readonly<{
  contentType: string;
  contentRange?: string;
  length: number;
  ranges: readonly Readonly<{ head?: string; range: ByteRange }>[];
  tail?: string;
}>;

function whole({ size }: Sendable): Parts {
  return { contentType: BLOB_TYPE, length: size, ranges: [{ range: { start: 0, end: size } }] };
}

function single(blob: Sendable, range: ByteRange): Parts {
  return {
    contentType: BLOB_TYPE,
    contentRange: contentRange(range, blob.size),
    length: range.end - range.start,
    ranges: [{ range }],
  };
}

/** RFC 9110 section 14.6. */
function multiple(blob: Sendable, ranges: readonly ByteRange[]): Parts {
  const boundary = randomUUID();
  const parts = ranges.map((range) => ({
    range,
    head: `\r\n--${boundary}\r\nContent-Type: ${BLOB_TYPE}\r\nContent-Range: ${contentRange(range, blob.size)}\r\n\r\n`,
  }));
  const tail = `\r\n--${boundary}--\r\n`;
  const length = parts.reduce(
    (sum, { head, range }) => sum + head.length + range.end - range.start,
    tail.length,
  );
  return { contentType: `multipart/byteranges; boundary=${boundary}`, length, ranges: parts, tail };
}

function contentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}

function unsatisfiable({ size }: Sendable): HttpError {
  return new HttpError(
    416,
    'RANGE_INVALID',
    `the blob has ${size} bytes; no byte of the range is among them`,
    {
      headers: { 'Content-Range': `bytes */${size}` },
    },
  );
}

export function describeBlob(ctx: RegistryContext, { digest }: Pick<Sendable, 'digest'>): void {
  ctx.set('Docker-Content-Digest', digest);
  ctx.set('ETag', `"${digest}"`);
  ctx.set('Accept-Ranges', 'bytes');
  ctx.set('Cache-Control', 'max-age=31536000');
}
