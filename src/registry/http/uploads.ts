import {
  type Chunk,
  type Upload,
  UploadBusyError,
  UploadOffsetError,
  type VerifiedUpload,
} from '../../content/index.js';
import {
  type Digest,
  findRepositoryName,
  isHashAlgorithm,
  OciError,
  parseDigest,
  type RepositoryName,
} from '../../oci/index.js';
import type { Deed } from '../events/index.js';
import type { RepositoryBlobs } from '../repositories/index.js';
import { locationOf, sendEmpty } from './answers.js';
import { bodyLength, mayHaveBody, readBody } from './body.js';
import { HttpError } from './errors.js';
import { parseUploadRange } from './ranges.js';
import type { Registry, RegistryContext, RegistrySettings, RequestOf } from './registry.js';

type Progress = Pick<Upload, 'repository' | 'id' | 'offset'>;

/** POST: begins an upload, or mounts a blob, or takes a whole one (end-4a, end-4b, end-4c, end-11). */
export function startUpload(registry: Registry) {
  const { uploads, blobs, settings } = registry;
  return async (ctx: RegistryContext, { repository }: RequestOf<'uploads'>) => {
    const query = new URLSearchParams(ctx.querystring);
    const mount = query.get('mount');
    const wanted = mount ? parseDigest(mount) : undefined;
    const from = query.get('from');
    if (wanted && (await mountBlob(registry, ctx, repository, { digest: wanted, from })))
      return sendCreated(ctx, settings, repository, wanted);
    if (await uploads.isFull(repository, settings.maxOpenUploads)) {
      throw new OciError(
        'TOOMANYREQUESTS',
        `${repository} has ${settings.maxOpenUploads} uploads under way; finish or cancel some of them`,
      );
    }
    const text = query.get('digest');
    const digest = text === null ? undefined : parseDigest(text);
    const expected = digest ?? wanted;
    // Of a blob that is not named yet nobody knows whether it is there already, and needs no room.
    if (expected) await blobs.checkRoom(repository, expected);
    if (digest && mayHaveBody(ctx)) return takeWhole(registry, ctx, repository, digest);
    const upload = await uploads.start(repository, algorithmOf(query.get('digest-algorithm')));
    sendProgress(ctx, settings, 202, upload);
  };
}

/** PATCH: adds a chunk, or a stream of unknown length (end-5). */
export function appendUpload({ uploads, settings }: Registry) {
  return async (ctx: RegistryContext, { repository, id }: RequestOf<'upload'>) => {
    const offset = await resumable(settings, { repository, id }, () =>
      uploads.append(repository, id, chunkOf(ctx)),
    );
    sendProgress(ctx, settings, 202, { repository, id, offset });
  };
}

/** PUT: adds what is left and ends the upload (end-6). */
export function finishUpload({ uploads, blobs, settings, witness }: Registry) {
  return async (ctx: RegistryContext, { repository, id }: RequestOf<'upload'>) => {
    const text = new URLSearchParams(ctx.querystring).get('digest');
    if (!text)
      throw new OciError('DIGEST_INVALID', 'the upload ends with ?digest=<digest of the whole blob>');
    const digest = parseDigest(text);
    const chunk = mayHaveBody(ctx) ? chunkOf(ctx) : undefined;
    const publishing = new Publishing(blobs, repository, digest);
    const { publish } = publishing;
    try {
      if (chunk) await blobs.checkRoom(repository, digest);
      await resumable(settings, { repository, id }, () =>
        uploads.finish(repository, id, digest, { chunk, publish }),
      );
    } catch (error) {
      // No room for it: the bytes would lie there until they are purged.
      if (error instanceof OciError && error.code === 'DENIED') await uploads.purge({ repository, id });
      throw error;
    }
    await witness?.changed(ctx, publishing.deeds);
    sendCreated(ctx, settings, repository, digest);
  };
}

/** GET: how far an upload is (end-13). */
export function readUpload({ uploads, settings }: Registry) {
  return async (ctx: RegistryContext, { repository, id }: RequestOf<'upload'>) => {
    sendProgress(ctx, settings, 204, await uploads.settled(repository, id));
  };
}

/** DELETE: gives an upload up (end-14). */
export function cancelUpload({ uploads }: Registry) {
  return async (ctx: RegistryContext, { repository, id }: RequestOf<'upload'>) => {
    await uploads.cancel(repository, id);
    sendEmpty(ctx, 204);
  };
}

/**
 * A refused source is no error: the client uploads instead. Other answers make containerd give up the push.
 * @returns whether it was mounted.
 */
async function mountBlob(
  { blobs, access, witness }: Registry,
  ctx: RegistryContext,
  repository: RepositoryName,
  { digest, from }: { digest: Digest; from: string | null },
): Promise<boolean> {
  // What cannot be a repository cannot be mounted from, which is no error either.
  const named = from ? findRepositoryName(from) : undefined;
  const sources = named ? [named] : from ? [] : await blobs.sourcesOf(digest);
  for (const source of sources) {
    if (!access.allows(ctx.state.identity, 'pull', source)) continue;
    const blob = await blobs.mount(source, repository, digest);
    if (blob === undefined) continue;
    const { size } = blob;
    await witness?.changed(ctx, [{ action: 'mount', kind: 'blob', repository, digest, from: source, size }]);
    return true;
  }
  return false;
}

async function takeWhole(
  { uploads, blobs, settings, witness }: Registry,
  ctx: RegistryContext,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  const publishing = new Publishing(blobs, repository, digest);
  await uploads.take(repository, digest, { chunk: chunkOf(ctx), publish: publishing.publish });
  await witness?.changed(ctx, publishing.deeds);
  sendCreated(ctx, settings, repository, digest);
}

/** Makes an upload a blob, and remembers what became of it. */
class Publishing {
  deeds: readonly Deed[] = [];
  readonly publish: (verified: VerifiedUpload) => Promise<void>;

  constructor(blobs: RepositoryBlobs, repository: RepositoryName, digest: Digest) {
    this.publish = async (verified) => {
      await blobs.publish(repository, digest, verified);
      this.deeds = [{ action: 'push', kind: 'blob', repository, digest, size: verified.size }];
    };
  }
}

function chunkOf(ctx: RegistryContext): Chunk {
  const length = bodyLength(ctx);
  const header = ctx.get('Content-Range');
  const chunk = { source: readBody(ctx), ...(length === undefined ? {} : { length }) };
  if (header === '') return chunk;
  const range = parseUploadRange(header);
  if (range === undefined) {
    throw new HttpError(
      416,
      'RANGE_INVALID',
      `Content-Range must be <first byte>-<last byte>, not ${JSON.stringify(header)}`,
    );
  }
  if (length !== undefined && length !== range.end - range.start) {
    throw new OciError('SIZE_INVALID', `Content-Range ${header} does not fit a body of ${length} bytes`);
  }
  return { ...chunk, from: range.start };
}

/** A client that is told where the upload stands can go on without asking. */
async function resumable<T>(
  settings: RegistrySettings,
  { repository, id }: { repository: RepositoryName; id: string },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UploadOffsetError || error instanceof UploadBusyError)) throw error;
    throw new HttpError(416, 'RANGE_INVALID', error.message, {
      cause: error,
      headers: progressHeaders(settings, { repository, id, offset: error.offset }),
    });
  }
}

function sendProgress(
  ctx: RegistryContext,
  settings: RegistrySettings,
  status: number,
  progress: Progress,
): void {
  ctx.set(progressHeaders(settings, progress));
  sendEmpty(ctx, status);
}

/** `Range` has no unit, and `0-0` for nothing: that is how docker's client reads it. */
function progressHeaders(
  settings: RegistrySettings,
  { repository, id, offset }: Progress,
): Record<string, string> {
  return {
    Location: locationOf(settings, `/v2/${repository}/blobs/uploads/${id}`),
    Range: `0-${Math.max(0, offset - 1)}`,
    'Docker-Upload-UUID': id,
  };
}

function sendCreated(
  ctx: RegistryContext,
  settings: RegistrySettings,
  repository: RepositoryName,
  digest: Digest,
): void {
  ctx.set('Location', locationOf(settings, `/v2/${repository}/blobs/${digest}`));
  ctx.set('Docker-Content-Digest', digest);
  sendEmpty(ctx, 201);
}

function algorithmOf(text: string | null) {
  if (text === null) return 'sha256';
  if (isHashAlgorithm(text)) return text;
  throw new OciError(
    'DIGEST_INVALID',
    `cannot verify ${JSON.stringify(text.slice(0, 50))} digests; use sha256 or sha512`,
  );
}
