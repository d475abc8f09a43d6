import type { Referrer } from '../../index/index.js';
import { MEDIA_TYPES, parseDigest } from '../../oci/index.js';
import { linkNext, sendJson } from './answers.js';
import { parsePage } from './paging.js';
import type { Registry, RegistryContext, RequestOf } from './registry.js';

/** A list of tags is complete unless the client asks for less; beyond this many it needs a second page. */
const MAX_TAGS_UNASKED = 100_000;
/** containerd and oras refuse a longer page. */
const MAX_REFERRERS_BYTES = 4_000_000;
const REFERRERS_AT_ONCE = 200;

/** GET of the repositories that the caller may pull. */
export function listRepositories({ catalog, access, settings }: Registry) {
  return async (ctx: RegistryContext) => {
    const { maxCatalogEntries: max } = settings;
    const page = parsePage(ctx, { max, default: max });
    const { items, more } = await catalog.repositories(page, access.visible(ctx.state.identity));
    const last = items.at(-1);
    if (more && last) linkNext(ctx, settings, '/v2/_catalog', { last, n: String(page.limit) });
    sendJson(ctx, { repositories: items });
  };
}

/** GET of a repository's tags (end-8). */
export function listTags({ catalog, settings }: Registry) {
  return async (ctx: RegistryContext, { repository }: RequestOf<'tags'>) => {
    const page = parsePage(ctx, { max: settings.maxTags, default: MAX_TAGS_UNASKED });
    const { items, more } = await catalog.tags(repository, page);
    const last = items.at(-1);
    if (more && last) linkNext(ctx, settings, `/v2/${repository}/tags/list`, { last, n: String(page.limit) });
    sendJson(ctx, { name: repository, tags: items });
  };
}

/** GET of the manifests about a manifest (end-12). As much as fits one answer: some clients read no second page. */
export function listReferrers({ catalog, settings }: Registry) {
  return async (ctx: RegistryContext, { repository, digest: text }: RequestOf<'referrers'>) => {
    const subject = parseDigest(text);
    const query = new URLSearchParams(ctx.querystring);
    const artifactTypes = query.getAll('artifactType').filter((type) => type !== '');
    const { limit, after: start } = parsePage(ctx, { max: MAX_TAGS_UNASKED, default: MAX_TAGS_UNASKED });
    const manifests: object[] = [];
    let after = start;
    let bytes = 0;
    let more = limit > 0;
    while (more && manifests.length < limit) {
      const room = MAX_REFERRERS_BYTES - bytes;
      const wanted = Math.min(REFERRERS_AT_ONCE, limit - manifests.length);
      const page = { limit: wanted, maxBytes: room, artifactTypes, ...(after ? { after } : {}) };
      const found = await catalog.referrers(repository, subject, page);
      const fitting = takeWhileFits(found.items, room, { force: manifests.length === 0 });
      manifests.push(...fitting.descriptors);
      bytes += fitting.bytes;
      after = found.items[fitting.descriptors.length - 1]?.digest ?? after;
      more = found.more || fitting.descriptors.length < found.items.length;
      if (fitting.descriptors.length < Math.min(wanted, found.items.length) || found.items.length < wanted)
        break;
    }
    const path = `/v2/${repository}/referrers/${subject}`;
    if (more && after) linkNext(ctx, settings, path, { last: after, artifactType: artifactTypes });
    if (artifactTypes.length > 0) ctx.set('OCI-Filters-Applied', 'artifactType');
    sendJson(ctx, { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }, MEDIA_TYPES.ociIndex);
  };
}

function descriptorOf({ mediaType, digest, size, artifactType, annotations }: Referrer): object {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType ? { artifactType } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  };
}

/** At least one if `force`, so that a list always gets on. */
function takeWhileFits(
  referrers: readonly Referrer[],
  maxBytes: number,
  { force }: { force: boolean },
): { descriptors: readonly object[]; bytes: number } {
  const descriptors: object[] = [];
  let bytes = 0;
  for (const referrer of referrers) {
    const descriptor = descriptorOf(referrer);
    const size = Buffer.byteLength(JSON.stringify(descriptor)) + 1;
    if (bytes + size > maxBytes && !(force && descriptors.length === 0)) break;
    bytes += size;
    descriptors.push(descriptor);
  }
  return { descriptors, bytes };
}
