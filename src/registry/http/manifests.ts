import type { ManifestKey, StoredManifest } from '../../index/index.js';
import {
  type Digest,
  findTag,
  OciError,
  parseDigest,
  parseTag,
  type RepositoryName,
  type Tag,
} from '../../oci/index.js';
import type { Deed } from '../events/index.js';
import type { PushedManifest } from '../repositories/index.js';
import { locationOf, namesDigest, sendEmpty } from './answers.js';
import { readWhole } from './body.js';
import { HttpError } from './errors.js';
import type { Registry, RegistryContext, RequestOf } from './registry.js';
import { warn } from './warnings.js';

/** Tags that one PUT may set: far more than anyone needs, and few enough to write at once. */
const MAX_TAGS_PER_PUSH = 100;

/** GET and HEAD of a manifest (end-3). `Accept` is not asked: there is one form, the one that was pushed. */
export function readManifest({ manifests, pulls, witness }: Registry) {
  return async (ctx: RegistryContext, { repository, reference }: RequestOf<'manifest'>) => {
    const key = keyToRead(repository, reference);
    const manifest = await manifests.get(repository, key);
    if (!sendManifest(ctx, manifest)) return;
    if (ctx.method === 'GET') pulls.record(repository, key);
    witness?.pulled(ctx, pullOf(repository, key, manifest));
  };
}

/** A HEAD counts too, as with the reference registry. */
export function pullOf(repository: RepositoryName, key: ManifestKey, manifest: StoredManifest): Deed {
  const { digest, mediaType, bytes } = manifest;
  const tag = 'tag' in key ? key.tag : undefined;
  return { action: 'pull', kind: 'manifest', repository, digest, mediaType, bytes, tag };
}

/** @returns false when the client has it already. */
export function sendManifest(ctx: RegistryContext, { digest, mediaType, bytes }: StoredManifest): boolean {
  ctx.set('Docker-Content-Digest', digest);
  ctx.set('ETag', `"${digest}"`);
  if (namesDigest(ctx.get('If-None-Match'), digest)) {
    sendEmpty(ctx, 304);
    return false;
  }
  ctx.status = 200;
  ctx.set('Content-Type', mediaType);
  ctx.set('Content-Length', String(bytes.byteLength));
  ctx.respond = false;
  ctx.res.end(ctx.method === 'HEAD' ? undefined : bytes);
  return true;
}

/** PUT of a manifest by tag or digest, with more tags in the query (end-7). */
export function pushManifest({ manifests, settings, witness }: Registry) {
  return async (ctx: RegistryContext, { repository, reference }: RequestOf<'manifest'>) => {
    const digest = reference.includes(':') ? parseDigest(reference) : undefined;
    const extraTags = new URLSearchParams(ctx.querystring).getAll('tag').map(parseTag);
    const tags = [...(digest ? [] : [parseTag(reference)]), ...extraTags];
    if (tags.length > MAX_TAGS_PER_PUSH) {
      throw new HttpError(414, 'TAG_INVALID', `a push may set at most ${MAX_TAGS_PER_PUSH} tags`);
    }
    const bytes = await readWhole(ctx, settings.maxManifestBytes, 'manifest');
    const pushed = await manifests.put(repository, {
      bytes,
      contentType: ctx.get('Content-Type'),
      tags,
      ...(digest ? { digest } : {}),
      precondition: preconditionOf(ctx, tags[0]),
    });
    ctx.set('Location', locationOf(settings, `/v2/${repository}/manifests/${pushed.digest}`));
    ctx.set('Docker-Content-Digest', pushed.digest);
    if (extraTags.length > 0) ctx.set('OCI-Tag', extraTags.join(', '));
    const { subject } = pushed.manifest;
    if (subject) ctx.set('OCI-Subject', subject.digest);
    for (const absent of pushed.missing)
      warn(ctx, `${repository} has no ${absent}, which this manifest names`);
    await witness?.changed(ctx, pushesOf(repository, pushed, { bytes, tags }));
    sendEmpty(ctx, 201);
  };
}

/** One for each tag. */
function pushesOf(
  repository: RepositoryName,
  { digest, manifest: { mediaType } }: PushedManifest,
  { bytes, tags }: Readonly<{ bytes: Uint8Array; tags: readonly Tag[] }>,
): Deed[] {
  const push = { action: 'push', kind: 'manifest', repository, digest, mediaType, bytes } as const;
  return tags.length === 0 ? [push] : tags.map((tag) => ({ ...push, tag }));
}

/** DELETE of a tag, or of a manifest with all its tags (end-9). */
export function deleteManifest({ manifests, witness }: Registry) {
  return async (ctx: RegistryContext, { repository, reference }: RequestOf<'manifest'>) => {
    const key = keyToRead(repository, reference);
    const tags = await manifests.delete(repository, key);
    await witness?.changed(ctx, deletionOf(repository, key, tags));
    sendEmpty(ctx, 202);
  };
}

/** As the reference registry tells it: the manifest first, then each tag that goes with it. */
function deletionOf(repository: RepositoryName, key: ManifestKey, tags: readonly Tag[]): Deed[] {
  const gone = tags.map((tag): Deed => ({ action: 'delete', kind: 'tag', repository, tag }));
  if ('tag' in key) return gone;
  return [{ action: 'delete', kind: 'manifest', repository, digest: key.digest }, ...gone];
}

/** What cannot be a tag cannot be there either, so it is unknown and not invalid. */
export function keyToRead(repository: RepositoryName, reference: string): ManifestKey {
  if (reference.includes(':')) return { digest: parseDigest(reference) };
  const tag = findTag(reference);
  if (tag !== undefined) return { tag };
  throw new OciError(
    'MANIFEST_UNKNOWN',
    `${repository} has no tag ${JSON.stringify(reference.slice(0, 200))}`,
  );
}

/** Lets clients that change a tag by reading and writing notice that somebody else was faster. RFC 9110 section 13. */
function preconditionOf(ctx: RegistryContext, tag: Tag | undefined) {
  const [match, noneMatch] = [ctx.get('If-Match'), ctx.get('If-None-Match')];
  return (current: Digest | undefined) => {
    const changed = match !== '' && (current === undefined || !namesDigest(match, current));
    const exists = noneMatch !== '' && current !== undefined && namesDigest(noneMatch, current);
    if (!changed && !exists) return;
    throw new HttpError(
      412,
      'DENIED',
      `tag ${tag} names ${current ?? 'nothing'}, which the request rules out`,
    );
  };
}
