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
    let bytes = 0;
    let after = start;
    let more = limit > 0;
    while (more && manifests.length < limit) {
      const wanted = Math.min(REFERRERS_AT_ONCE, limit - manifests.length);
      const page = { limit: wanted, artifactTypes, ...(after ? { after } : {}) };
      const found = await catalog.referrers(repository, subject, page);
      more = found.more;
      const taken = takeWhileFits(
        found.items.map(descriptorOf),
        MAX_REFERRERS_BYTES - bytes,
        manifests.length === 0,
      );
      manifests.push(...taken.items);
      bytes += taken.bytes;
      after = found.items[taken.items.length - 1]?.digest ?? after;
      if (taken.items.length < found.items.length) {
        more = true;
        break;
      }
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

/** At least one item if `force`, so that a list always gets on. */
function takeWhileFits(
  items: readonly object[],
  maxBytes: number,
  force: boolean,
): { items: readonly object[]; bytes: number } {
  let bytes = 0;
  let count = 0;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (bytes + size > maxBytes && !(force && count === 0)) break;
    bytes += size;
    count += 1;
  }
  return { items: items.slice(0, count), bytes };
}
