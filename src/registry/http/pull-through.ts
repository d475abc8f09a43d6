import { OciError, parseDigest } from '../../oci/index.js';
import { type PullThroughCache, type Upstreams, UpstreamUnavailableError } from '../upstreams/index.js';
import { linkNext, sendJson } from './answers.js';
import { readBlob } from './blobs.js';
import { artifactTypesOf, listReferrers, listTags, MAX_TAGS_UNASKED, sendReferrers } from './lists.js';
import { keyToRead, pullOf, readManifest, sendManifest } from './manifests.js';
import { parsePage } from './paging.js';
import { readBlobThrough } from './pull-through-blobs.js';
import type { Handler, Registry, RegistryContext, RequestOf } from './registry.js';
import type { RequestKind } from './request.js';
import { warn } from './warnings.js';

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
