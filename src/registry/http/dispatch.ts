import { OciError, type RepositoryName } from '../../oci/index.js';
import type { Upstreams } from '../upstreams/index.js';
import { sendEmpty, sendJson } from './answers.js';
import { authorize } from './authorization.js';
import { deleteBlob, readBlob } from './blobs.js';
import { HttpError } from './errors.js';
import { listReferrers, listRepositories, listTags } from './lists.js';
import { deleteManifest, pushManifest, readManifest } from './manifests.js';
import { readersThrough, refusingWrites } from './pull-through.js';
import type { Handler, Registry, RegistryContext } from './registry.js';
import { type RegistryRequest, type RequestKind, requestOf } from './request.js';
import { appendUpload, cancelUpload, finishUpload, readUpload, startUpload } from './uploads.js';
import { warn } from './warnings.js';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
/** Each kind of request with its handlers, as checked where the table is written, and as it is looked up. */
type Handlers = { readonly [K in RequestKind]: Readonly<Partial<Record<Method, Handler<K>>>> };
type AnyHandler = (ctx: RegistryContext, request: never) => Promise<void>;
type AnyHandlers = { readonly [K in RequestKind]: { readonly [M in Method]?: AnyHandler } };

/** Answers everything under `/v2/`. @see distribution-spec spec.md, "Endpoints" */
export function dispatch(registry: Registry) {
  const { upstreams, settings } = registry;
  const handlers: AnyHandlers = upstreams ? throughUpstreams(registry, upstreams) : handlersFor(registry);
  return async (ctx: RegistryContext) => {
    const request = requestOf(ctx, settings);
    if (request === undefined) throw noSuchPath(ctx);
    const byMethod = handlers[request.kind];
    // HEAD is GET without the body, which the handlers see to. RFC 9110 section 9.3.2.
    const method = (ctx.method === 'HEAD' ? 'GET' : ctx.method) as Method;
    ctx.state.handler = handlerName(request);
    if ('repository' in request) ctx.state.repository = request.repository;
    authorize(registry, ctx, request);
    const handler = Object.hasOwn(byMethod, method) ? byMethod[method] : undefined;
    if (handler === undefined) throw notAllowed(ctx, Object.keys(byMethod));
    checkMode(registry, request, method);
    if ('repository' in request) addWarnings(registry, ctx, request.repository);
    await handler(ctx, request as never); // the table's types pair each kind with its handlers
  };
}

function handlersFor(registry: Registry): Handlers {
  return {
    base: { GET: async (ctx) => sendJson(ctx, {}) },
    catalog: { GET: listRepositories(registry) },
    extensions: { GET: async (ctx) => sendJson(ctx, { extensions: [] }) },
    manifest: {
      GET: readManifest(registry),
      PUT: pushManifest(registry),
      DELETE: deleteManifest(registry),
    },
    blob: { GET: readBlob(registry), DELETE: deleteBlob(registry) },
    uploads: { POST: startUpload(registry) },
    upload: {
      GET: readUpload(registry),
      PATCH: appendUpload(registry),
      PUT: finishUpload(registry),
      DELETE: cancelUpload(registry),
    },
    tags: { GET: listTags(registry) },
    referrers: { GET: listReferrers(registry) },
  };
}

function throughUpstreams(registry: Registry, upstreams: Upstreams): Handlers {
  const handlers = handlersFor(registry);
  const reads = readersThrough(registry, upstreams);
  const { manifest, blob, uploads, upload, tags, referrers } = handlers;
  const refusing = <K extends RequestKind>(methods: Handlers[K]) =>
    Object.fromEntries(
      Object.entries(methods).map(([method, handler]) => [
        method,
        refusingWrites(upstreams, handler as Handler<K>),
      ]),
    ) as Handlers[K];
  return {
    ...handlers,
    manifest: { ...refusing<'manifest'>(manifest), GET: reads.manifest },
    blob: { ...refusing<'blob'>(blob), GET: reads.blob },
    uploads: refusing<'uploads'>(uploads),
    upload: refusing<'upload'>(upload),
    tags: { ...tags, GET: reads.tags },
    referrers: { ...referrers, GET: reads.referrers },
  };
}

function addWarnings({ settings }: Registry, ctx: RegistryContext, repository: RepositoryName): void {
  for (const { matches, text } of settings.warnings) if (matches(repository)) warn(ctx, text);
}

function checkMode({ settings }: Registry, { kind }: RegistryRequest, method: Method): void {
  if (method === 'GET') return;
  if (settings.readOnly) {
    throw new OciError('UNSUPPORTED', 'the registry is read-only (storage.maintenance.readonly)');
  }
  if (method === 'DELETE' && kind !== 'upload' && !settings.deleteEnabled) {
    throw new OciError('UNSUPPORTED', 'deleting is not enabled (storage.delete.enabled)');
  }
}

/** Names of the reference registry's metrics. */
function handlerName({ kind }: RegistryRequest): string {
  if (kind === 'uploads') return 'blob_upload';
  return kind === 'upload' ? 'blob_upload_chunk' : kind;
}

function noSuchPath(ctx: RegistryContext): HttpError {
  return new HttpError(404, 'UNSUPPORTED', `nothing is served at ${ctx.path.slice(0, 200)}`);
}

function notAllowed(ctx: RegistryContext, methods: readonly string[]): HttpError {
  const allowed = methods.includes('GET') ? ['HEAD', ...methods] : methods;
  return new HttpError(405, 'UNSUPPORTED', `${ctx.method} is not possible here`, {
    headers: { Allow: allowed.join(', ') },
  });
}

/** OPTIONS is answered without asking who it is: browsers ask before they know. */
export function answerOptions(ctx: RegistryContext): void {
  ctx.set('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
  sendEmpty(ctx, 204);
}
