import type { Referrer } from '../../index/index.js';
import { MEDIA_TYPES, parseDigest } from '../../oci/index.js';
import { linkNext, sendJson, sendJsonText } from './answers.js';
import { parsePage } from './paging.js';
import type { Registry, RegistryContext, RequestOf } from './registry.js';

/** A list of tags is complete unless the client asks for less; beyond this many it needs a second page. */
export const MAX_TAGS_UNASKED = 100_000;
/** containerd and oras refuse a longer page. */
const MAX_REFERRERS_BYTES = 4_000_000;

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
    const { json, last, more } = await catalog.tags(repository, page);
    if (more && last) linkNext(ctx, settings, `/v2/${repository}/tags/list`, { last, n: String(page.limit) });
    sendJsonText(ctx, `{"name":${JSON.stringify(repository)},"tags":${json}}`);
  };
}

/** GET of the manifests about a manifest (end-12). As much as fits one answer: some clients read no second page. */
export function listReferrers({ catalog, settings }: Registry) {
  return async (ctx: RegistryContext, { repository, digest: text }: RequestOf<'referrers'>) => {
    const subject = parseDigest(text);
    const artifactTypes = artifactTypesOf(ctx);
    const page = parsePage(ctx, { max: MAX_TAGS_UNASKED, default: MAX_TAGS_UNASKED });
    const fitting = { ...page, maxBytes: MAX_REFERRERS_BYTES, artifactTypes };
    const { items, more } = await catalog.referrers(repository, subject, fitting);
    const last = items.at(-1)?.digest;
    const path = `/v2/${repository}/referrers/${subject}`;
    if (more && last) linkNext(ctx, settings, path, { last, artifactType: artifactTypes });
    sendReferrers(ctx, items.map(descriptorOf), artifactTypes);
  };
}

/** @param artifactTypes by which they were chosen, if any. */
export function sendReferrers(
  ctx: RegistryContext,
  manifests: readonly object[],
  artifactTypes: readonly string[],
): void {
  if (artifactTypes.length > 0) ctx.set('OCI-Filters-Applied', 'artifactType');
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
  sendJson(ctx, index, MEDIA_TYPES.ociIndex);
}

export function artifactTypesOf({ querystring }: RegistryContext): string[] {
  return new URLSearchParams(querystring).getAll('artifactType').filter((type) => type !== '');
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
