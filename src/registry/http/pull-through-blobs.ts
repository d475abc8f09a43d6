import { type Digest, parseDigest } from '../../oci/index.js';
import type { ByteRange } from '../../storage/index.js';
import type { BlobFetch, PullThroughCache } from '../upstreams/index.js';
import { describeBlob, sendBlob, sendBlobOfUnknownSize } from './blobs.js';
import { parseRanges } from './ranges.js';
import type { Handler, Registry, RegistryContext, RequestOf } from './registry.js';
import { type Response, unlessGone } from './send.js';

/** What is shorter is not worth a stream: it is answered once it is here. */
const SHORT_BYTES = 256 * 1024;
const ALL: ByteRange = { start: 0, end: Number.POSITIVE_INFINITY };

type Request = RequestOf<'blob'>;

/** GET and HEAD of a blob in a copy of another registry. */
export function readBlobThrough(registry: Registry, readStored: Handler<'blob'>) {
  const look = lookThrough(registry);
  const send = sendThrough(registry);
  return async (ctx: RegistryContext, request: Request, cache: PullThroughCache) => {
    const { repository } = request;
    const digest = parseDigest(request.digest);
    const stored = await registry.blobs.size(repository, digest);
    if (stored !== undefined) {
      if (ctx.method === 'GET') count(cache, stored, { hit: true });
      return readStored(ctx, request);
    }
    if (ctx.method === 'HEAD') return look(ctx, { ...request, digest }, cache);
    const fetch = await cache.blobs.fetch(repository, digest);
    return fetch ? send(ctx, { ...request, digest, fetch }, cache) : readStored(ctx, request); // it came meanwhile
  };
}

/** HEAD of what is not here: nothing is fetched for it. */
function lookThrough({ buffers, witness }: Registry) {
  return async (ctx: RegistryContext, wanted: Request & { digest: Digest }, cache: PullThroughCache) => {
    const { repository, digest } = wanted;
    const { size } = await cache.blobs.stat(repository, digest);
    describeBlob(ctx, { digest });
    if (size === undefined) return sendBlobOfUnknownSize(ctx, undefined, buffers);
    witness?.pulled(ctx, { action: 'pull', kind: 'blob', repository, digest, size });
    await sendBlob(
      ctx,
      { digest, size },
      { open: () => Promise.reject(new Error('HEAD has no body')), buffers },
    );
  };
}

/** GET of what is being fetched: it is sent while it arrives, where that is safe. */
function sendThrough({ blobs, buffers, witness }: Registry) {
  return async (
    ctx: RegistryContext,
    { repository, digest, fetch }: Request & { digest: Digest; fetch: BlobFetch },
    cache: PullThroughCache,
  ) => {
    // What was stored may be given up at once: until the end of this it can be read from where it came in.
    await using _held = fetch.open({ start: 0, end: 0 });
    const openStored = async (range: ByteRange) => {
      await fetch.done;
      return blobs.open(repository, await blobs.find(repository, digest), range);
    };
    const open = async (range: ByteRange) => fetch.open(range) ?? openStored(range);
    const size = await sizeToSend(ctx, fetch);
    const tell = (bytes: number) => {
      count(cache, bytes, { hit: false });
      witness?.pulled(ctx, { action: 'pull', kind: 'blob', repository, digest, size: bytes });
    };
    describeBlob(ctx, { digest });
    if (size === undefined) {
      await using file = await open(ALL);
      await sendBlobOfUnknownSize(ctx, file, buffers);
      return tell(await fetch.done);
    }
    tell(size);
    await sendBlob(ctx, { digest, size }, { open, buffers });
  };
}

function count({ observer }: PullThroughCache, bytes: number, options: { hit: boolean }): void {
  observer?.asked('blob', options);
  observer?.sent('blob', bytes);
}

/** Waits for the end where that is better. @returns `undefined` where it is sent though nobody knows how much it is. */
async function sizeToSend(ctx: RegistryContext, fetch: BlobFetch): Promise<number | undefined> {
  const { size } = fetch;
  const done = () => unlessGone(ctx.res as Response, fetch.done);
  if (size !== undefined) {
    if (!isStreamed(ctx, size)) await done();
    return size;
  }
  // Without a length, HTTP/1.0 cannot tell an answer that was cut from a whole one, and no range can be described.
  if (ctx.get('Range') || ctx.req.httpVersion === '1.0') return done();
  return (await isLong(fetch)) ? undefined : done();
}

/** Ranges without the last byte would be sent whole before anybody knows whether they are right. */
function isStreamed(ctx: RegistryContext, size: number): boolean {
  if (size <= SHORT_BYTES) return false;
  const ranges = parseRanges(ctx.get('Range') || undefined, size);
  return ranges === 'all' || (ranges !== 'unsatisfiable' && ranges.length === 1 && ranges[0].end === size);
}

/** Resolves as soon as that can be told. */
async function isLong({ open }: BlobFetch): Promise<boolean> {
  await using rest = open({ start: SHORT_BYTES, end: SHORT_BYTES + 1 });
  return rest !== undefined && (await rest.read(Buffer.alloc(1))) > 0;
}
