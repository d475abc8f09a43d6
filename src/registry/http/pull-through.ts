import { OciError, parseDigest } from '../../oci/index.js';
import type { ByteRange } from '../../storage/index.js';
import {
  type BlobFetch,
  type PullThroughCache,
  type Upstreams,
  UpstreamUnavailableError,
} from '../upstreams/index.js';
import { linkNext, sendJson } from './answers.js';
import { describeBlob, readBlob, sendBlob } from './blobs.js';
import { artifactTypesOf, listReferrers, listTags, MAX_TAGS_UNASKED, sendReferrers } from './lists.js';
import { keyToRead, pullOf, readManifest, sendManifest } from './manifests.js';
import { parsePage } from './paging.js';
import { parseRanges } from './ranges.js';
import type { Handler, Registry, RegistryContext, RequestOf } from './registry.js';
import type { RequestKind } from './request.js';
import { warn } from './warnings.js';

/** What is shorter is not worth a stream: it is answered once it is here. */
const SHORT_BYTES = 256 * 1024;

type CachedKind = 'manifest' | 'blob' | 'tags' | 'referrers';

/** Handlers that ask an upstream for what is not here, where there is one; elsewhere the ordinary ones. */
export function readersThrough(registry: Registry, upstreams: Upstreams) {
  const through = <K extends CachedKind>(
    ordinary: Handler<K>,
    cached: (ctx: RegistryContext, request: RequestOf<K>, cache: PullThroughCache) => Promise<void>,
  ): Handler<K> => {
    return (ctx, request) => {
      const cache = upstreams.find((request as RequestOf<CachedKind>).repository); // each K has one
      if (cache === undefined) return ordinary(ctx, request);
      echoNamespace(ctx, cache);
      return cached(ctx, request, cache);
    };
  };
  const blob = readBlob(registry);
  const tags = listTags(registry);
  const referrers = listReferrers(registry);
  return {
    manifest: through<'manifest'>(readManifest(registry), readManifestThrough(registry)),
    blob: through<'blob'>(blob, readBlobThrough(registry, blob)),
    tags: through<'tags'>(tags, listTagsThrough(registry, tags)),
    referrers: through<'referrers'>(referrers, listReferrersThrough(referrers)),
  };
}

/** distribution-spec spec.md, "Registry Proxying". */
function echoNamespace(ctx: RegistryContext, { rule }: PullThroughCache): void {
  const namespace = ctx.querystring === '' ? null : new URLSearchParams(ctx.querystring).get('ns');
  if (namespace !== null && rule.namespaces.includes(namespace)) ctx.set('OCI-Namespace', namespace);
}

/** Copies are changed by nobody but their upstream. @throws {OciError} UNSUPPORTED. */
export function refusingWrites<K extends RequestKind>(upstreams: Upstreams, write: Handler<K>): Handler<K> {
  return (ctx, request) => {
    const cache = 'repository' in request ? upstreams.find(request.repository) : undefined;
    if (cache === undefined) return write(ctx, request);
    throw new OciError(
      'UNSUPPORTED',
      `this is a copy of ${cache.rule.upstream.host}, which cannot be changed here`,
    );
  };
}

function readManifestThrough({ pulls, witness }: Registry) {
  return async (
    ctx: RegistryContext,
    { repository, reference }: RequestOf<'manifest'>,
    cache: PullThroughCache,
  ) => {
    const key = keyToRead(repository, reference);
    const manifest = await cache.manifests.get(repository, key);
    const { host } = cache.rule.upstream;
    if (manifest.stale) warn(ctx, `${host} does not answer now: ${reference} may name something newer there`);
    pulls.record(repository, key); // HEAD counts too: whoever has it asks no more than that
    if (!sendManifest(ctx, manifest)) return;
    if (ctx.method === 'GET') cache.observer?.sent('manifest', manifest.bytes.byteLength);
    witness?.pulled(ctx, pullOf(repository, key, manifest));
  };
}

function readBlobThrough({ blobs, buffers, witness }: Registry, readStored: Handler<'blob'>) {
  return async (ctx: RegistryContext, request: RequestOf<'blob'>, cache: PullThroughCache) => {
    const { repository } = request;
    const digest = parseDigest(request.digest);
    const stored = await blobs.size(repository, digest);
    if (stored !== undefined) {
      if (ctx.method === 'GET') count(cache, stored, { hit: true });
      return readStored(ctx, request);
    }
    const fetch = ctx.method === 'HEAD' ? undefined : await cache.blobs.fetch(repository, digest);
    if (fetch === undefined && ctx.method !== 'HEAD') return readStored(ctx, request); // it came meanwhile
    // What was stored may be given up at once: until the end of this it can be read from where it came in.
    await using _held = fetch?.open({ start: 0, end: 0 });
    if (fetch && !isStreamed(ctx, fetch)) await fetch.done;
    const openStored = async (range: ByteRange) => {
      await fetch?.done;
      return blobs.open(repository, await blobs.find(repository, digest), range);
    };
    const open = async (range: ByteRange) => fetch?.open(range) ?? openStored(range);
    const size = fetch?.size ?? (await cache.blobs.size(repository, digest));
    if (fetch) count(cache, size, { hit: false });
    describeBlob(ctx, { digest });
    witness?.pulled(ctx, { action: 'pull', kind: 'blob', repository, digest, size });
    await sendBlob(ctx, { digest, size }, { open, buffers });
  };
}

function count({ observer }: PullThroughCache, bytes: number, options: { hit: boolean }): void {
  observer?.asked('blob', options);
  observer?.sent('blob', bytes);
}

/** Ranges without the last byte would be sent whole before anybody knows whether they are right. */
function isStreamed(ctx: RegistryContext, { size }: BlobFetch): boolean {
  if (size <= SHORT_BYTES) return false;
  const ranges = parseRanges(ctx.get('Range') || undefined, size);
  return ranges === 'all' || (ranges !== 'unsatisfiable' && ranges.length === 1 && ranges[0].end === size);
}

function listTagsThrough({ settings }: Registry, listStored: Handler<'tags'>) {
  return async (ctx: RegistryContext, request: RequestOf<'tags'>, cache: PullThroughCache) => {
    const page = parsePage(ctx, { max: settings.maxTags, default: MAX_TAGS_UNASKED });
    const all = await unlessUnavailable(ctx, cache, () => cache.tags(request.repository));
    if (all === undefined) return listStored(ctx, request);
    const { after = '', limit } = page;
    const rest = all.filter((tag) => tag > after).sort();
    const tags = rest.slice(0, limit);
    const last = tags.at(-1);
    // The path as the client knows it, and the namespace with it.
    const path = ctx.path.slice(settings.prefix.length);
    const namespace = new URLSearchParams(ctx.querystring).getAll('ns');
    if (rest.length > limit && last) linkNext(ctx, settings, path, { last, n: String(limit), ns: namespace });
    sendJson(ctx, { name: request.repository, tags });
  };
}

function listReferrersThrough(listStored: Handler<'referrers'>) {
  return async (ctx: RegistryContext, request: RequestOf<'referrers'>, cache: PullThroughCache) => {
    const subject = parseDigest(request.digest);
    const all = await unlessUnavailable(ctx, cache, () => cache.referrers(request.repository, subject));
    if (all === undefined) return listStored(ctx, request);
    const types = artifactTypesOf(ctx);
    const chosen = all.filter(({ artifactType = '' }) => types.length === 0 || types.includes(artifactType));
    sendReferrers(ctx, chosen, types);
  };
}

/** @returns `undefined` when only what is here can be told. */
async function unlessUnavailable<T>(
  ctx: RegistryContext,
  { rule }: PullThroughCache,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  const answer = await ask().catch((error: unknown) => {
    if (error instanceof UpstreamUnavailableError) return undefined;
    throw error;
  });
  if (answer === undefined) warn(ctx, `${rule.upstream.host} does not answer now: there may be more there`);
  return answer;
}
