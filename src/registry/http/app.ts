import { randomUUID } from 'node:crypto';
import Koa, { type Context, type Middleware, type Next } from 'koa';
import { OciError } from '../../oci/index.js';
import { StorageUnavailableError } from '../../storage/index.js';
import type { Authenticator } from '../auth/index.js';
import type { Logger } from '../logger.js';
import { locationOf } from './answers.js';
import { challengeFor } from './authorization.js';
import { drainBody } from './body.js';
import { answerOptions, dispatch } from './dispatch.js';
import { answerFor, HttpError } from './errors.js';
import type { Peer, PublicUrl } from './public-url.js';
import type { Registry, RegistryContext, RequestState } from './registry.js';
import { ClientGoneError, cutOff, type Response } from './send.js';
import { answersOf, type TokenIssuer } from './token.js';
import { callerOfUpload } from './upload-tokens.js';
import { refusalOf } from './witness.js';

/** Everything the application needs besides the registry itself. */
export type AppOptions = Readonly<{
  authenticator: Authenticator;
  /** Gives tokens to those who ask, for the authenticator to take; `undefined` where passwords do. */
  issuer: TokenIssuer | undefined;
  url: PublicUrl;
  log: Logger;
  /** From the configuration: sent with every answer. */
  headers: Readonly<Record<string, readonly string[]>>;
  /** Why the registry must not answer now, if so. */
  down: () => string | undefined;
  /** Whether the server is about to stop, so that balancers should look elsewhere. */
  leaving: () => boolean;
  /** Fails while this server cannot do what others may be able to, so that balancers should look elsewhere. */
  ready: () => Promise<void>;
  /** Whether connections should end with the next answer. */
  draining: () => boolean;
  observer: RequestObserver;
}>;

/** Clients hang up as they like. */
const GONE: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT']);

/** Logs and counts requests. */
export interface RequestObserver {
  /** @param request what is known of it so far, and changes. */
  started(request: Readonly<RequestState>): void;
  /** Once for each request that started, after its answer was sent or given up. */
  finished(request: ObservedRequest): void;
}

export type ObservedRequest = Readonly<{
  ctx: RegistryContext;
  /** Monotonic, in milliseconds, as `performance.now()`. */
  startedAt: number;
  /** Whether the whole answer was sent. */
  complete: boolean;
}>;

/**
 * The registry as a Koa application. One request passes: observe, explain failures, ask
 * whether there is service, authenticate, dispatch.
 */
export function createApp(registry: Registry, options: AppOptions): Koa {
  const app = new Koa();
  const answerRegistry = dispatch(registry);
  const { prefix } = registry.settings;
  const root = `${prefix}/v2`;
  app.use(observed(options));
  app.use(explained(options, registry));
  app.use(inService(options));
  if (options.issuer) app.use(tokenRoutes(options.issuer, registry));
  app.use(identified(options, registry));
  app.use(async (ctx, next) => {
    // Names contain slashes, so these paths are not for a router.
    if (ctx.path !== root && !ctx.path.startsWith(`${root}/`)) return next();
    return answerRegistry(ctx as RegistryContext);
  });
  app.use(otherRoutes(registry));
  app.use(async (ctx) => {
    throw new OciError(
      'NAME_UNKNOWN',
      `nothing is served at ${ctx.path.slice(0, 200)}; the registry is below ${root}/`,
    );
  });
  app.on('error', (error: NodeJS.ErrnoException) => {
    const level = GONE.has(error.code) ? 'debug' : 'error';
    options.log[level]({ error }, 'an answer could not be sent');
  });
  return app;
}

/** Everything is refused while the registry is down, and `/`, which load balancers ask for, also while others should be asked. */
function inService({ down, leaving, ready }: AppOptions) {
  const admit = (next: Next) => {
    if (leaving()) throw new OciError('UNAVAILABLE', 'this server is about to stop');
    return ready().then(next);
  };
  return (ctx: Context, next: Next) => {
    const reason = down();
    if (reason !== undefined) throw new OciError('UNAVAILABLE', `the registry is out of service: ${reason}`);
    return ctx.path === '/' ? admit(next) : next();
  };
}

/** Loads the router when something first asks for it, so that no start has to. */
function otherRoutes(registry: Registry): Middleware {
  let routes: Promise<Middleware> | undefined;
  return async (ctx, next) => {
    routes ??= import('./other-routes.js').then((file) => file.otherRoutes(registry));
    return (await routes)(ctx, next);
  };
}

/** Passes before callers are identified: that asks for a token where one is wanted, and takes one. */
function tokenRoutes(issuer: TokenIssuer, { settings }: Registry) {
  const answers = answersOf(issuer);
  const start = locationOf({ ...settings, baseUrl: '' }, '');
  return async (ctx: Context, next: Next) => {
    const answer = ctx.path.startsWith(start) ? answers.get(ctx.path.slice(start.length)) : undefined;
    if (answer === undefined || ctx.method === 'OPTIONS') return next();
    ctx.state.handler = 'token';
    return answer(ctx as RegistryContext);
  };
}

/** Tells the observer about the request once it is over, however it ended. */
function observed({ observer }: AppOptions) {
  return (context: Context, next: Next) => {
    const ctx = context as RegistryContext;
    const startedAt = performance.now();
    ctx.state.id = randomUUID();
    ctx.state.peer = peerOf(ctx);
    ctx.state.identity = 'anonymous';
    ctx.state.proven = false;
    ctx.state.handler = 'other';
    observer.started(ctx.state);
    ctx.res.on('close', () => observer.finished({ ctx, startedAt, complete: ctx.res.writableFinished }));
    return next();
  };
}

/** Looked at while it is there: a closed connection has no address, which would make it a unix socket's. */
function peerOf(ctx: Context): Peer {
  const { remoteAddress, destroyed } = ctx.req.socket;
  return { address: remoteAddress ?? (destroyed ? 'unknown' : undefined), encrypted: ctx.secure };
}

/** Turns every failure into the answer that clients understand. Nothing unforeseen is told to them. */
function explained(options: AppOptions, registry: Registry) {
  return async (context: Context, next: Next) => {
    const ctx = context as RegistryContext;
    setCommonHeaders(ctx, options);
    try {
      expectHost(ctx);
      await next();
    } catch (error) {
      await sendFailure(ctx, options, registry, error);
    }
  };
}

/** RFC 9112 section 3.2. */
function expectHost({ req }: Context): void {
  if (req.httpVersion === '1.1' && req.headers.host === undefined)
    throw new HttpError(400, 'UNSUPPORTED', 'a request of HTTP/1.1 must say its Host');
}

async function sendFailure(
  ctx: RegistryContext,
  options: AppOptions,
  { settings, witness }: Registry,
  error: unknown,
): Promise<void> {
  const answer = answerFor(error);
  const refusal = witness && refusalOf(ctx, error, answer);
  if (refusal) await witness.refused(ctx, refusal);
  const { id } = ctx.state;
  const request = { request: id, method: ctx.method, path: ctx.path };
  if (error instanceof StorageUnavailableError) {
    options.log.warn({ error, ...request }, 'storage failed a request');
  } else if (answer.unforeseen && !(error instanceof ClientGoneError)) {
    options.log.error({ error, ...request }, 'request failed');
  }
  if (ctx.res.headersSent) {
    cutOff(ctx.res as Response);
    return;
  }
  for (const name of ctx.res.getHeaderNames()) ctx.res.removeHeader(name);
  setCommonHeaders(ctx, options);
  ctx.respond = true;
  ctx.status = answer.status;
  if (answer.status === 401) {
    const challenge = challengeFor(ctx, options.authenticator, { settings, url: options.url });
    if (challenge) ctx.set('WWW-Authenticate', challenge);
  }
  ctx.set(answer.headers);
  const body = Buffer.from(`${JSON.stringify({ errors: answer.errors })}\n`);
  ctx.set('Content-Type', 'application/json');
  ctx.length = body.length;
  ctx.body = body;
  drainBody(ctx.req, ctx.res as Response);
}

function setCommonHeaders(ctx: RegistryContext, { headers, draining }: AppOptions): void {
  ctx.res.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
  ctx.res.setHeader('X-Request-Id', ctx.state.id);
  for (const name in headers) ctx.res.setHeader(name, headers[name] ?? []);
  if (draining() && ctx.req.httpVersionMajor === 1) ctx.res.setHeader('Connection', 'close');
}

function identified({ authenticator }: AppOptions, registry: Registry) {
  return async (context: Context, next: Next) => {
    const ctx = context as RegistryContext;
    if (ctx.method === 'OPTIONS') return answerOptions(ctx);
    const { identity, proven } = await authenticator
      .authenticate(ctx.get('Authorization') || undefined)
      .catch((error: unknown) => callerOfUpload(error, ctx, registry));
    ctx.state.identity = identity;
    ctx.state.proven = proven;
    return next();
  };
}
