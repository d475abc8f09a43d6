import { createServer } from 'node:http';
import Router from '@koa/router';
import Koa, { type Context, type Next } from 'koa';
import { type ListenAddress, listen } from '../listen.js';
import type { Logger } from '../logger.js';
import type { Health } from '../operations/index.js';
import type { Metrics } from './metrics.js';

type Awaitable<T> = T | Promise<T>;

export type DebugServerOptions = Readonly<{
  /** Where to listen: `http.debug.addr`, parsed. */
  listen: ListenAddress;
  /** Of one process, or of all that serve. */
  health: Readonly<{
    status: () => Awaitable<ReturnType<Health['status']>>;
    setManual: (down: boolean) => Awaitable<void>;
  }>;
  /** Absent where nothing is counted. */
  metrics?: Readonly<{ path: string; source: Pick<Metrics, 'text' | 'contentType'> }> | undefined;
  version: string;
  log: Logger;
}>;

export interface DebugServer extends AsyncDisposable {
  /** `host:port`, or the path of a unix socket. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves health and metrics to operators, without asking who they are: it belongs on an address that only they reach.
 * @throws when it cannot listen there.
 */
export async function startDebugServer(options: DebugServerOptions): Promise<DebugServer> {
  const app = new Koa();
  const router = routes(options);
  app.use(explained(options.log));
  app.use(router.routes());
  app.use(router.allowedMethods());
  const server = createServer(app.callback());
  const address = await listen(server, options.listen, 'http.debug.addr');
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { address, close, [Symbol.asyncDispose]: close };
}

function routes({ health, metrics, version }: DebugServerOptions): Router {
  const router = new Router();
  router.get('/debug/health', async (ctx) => {
    const status = await health.status();
    sendJson(ctx, Object.keys(status).length === 0 ? 200 : 503, status);
  });
  router.post('/debug/health/down', fromOperator, async (ctx) => {
    await health.setManual(true);
    sendJson(ctx, 200, {});
  });
  router.post('/debug/health/up', fromOperator, async (ctx) => {
    await health.setManual(false);
    sendJson(ctx, 200, {});
  });
  router.get('/debug/vars', (ctx) => sendJson(ctx, 200, variables(version)));
  if (metrics === undefined) return router;
  const { path, source } = metrics;
  router.get(literally(path), async (ctx) => {
    ctx.set('Content-Type', source.contentType);
    ctx.body = Buffer.from(await source.text());
  });
  return router;
}

/** A path of the configuration is no pattern. */
function literally(path: string): string {
  const rooted = path.startsWith('/') ? path : `/${path}`;
  return rooted.replace(/[{}()[\]+?!:*\\]/g, '\\$&');
}

/** Browsers name the page that a POST comes from: no page an operator happens to visit may stop the registry. */
function fromOperator(ctx: Context, next: Next): unknown {
  if (ctx.get('Origin') === '') return next();
  return sendJson(ctx, 403, { error: 'not from a web page' });
}

function variables(version: string) {
  return {
    version,
    node: process.version,
    pid: process.pid,
    uptimeSeconds: Math.round(process.uptime()),
    memory: process.memoryUsage(),
    resources: process.resourceUsage(),
  };
}

function explained(log: Logger) {
  return async (ctx: Context, next: Next) => {
    try {
      await next();
      if (ctx.body === undefined && ctx.status >= 400) sendJson(ctx, ctx.status, { error: ctx.message });
    } catch (error) {
      log.error({ error, path: ctx.path }, 'debug request failed');
      sendJson(ctx, 500, { error: 'internal error' });
    }
  };
}

function sendJson(ctx: Context, status: number, value: unknown): void {
  ctx.status = status;
  ctx.set('Content-Type', 'application/json; charset=utf-8');
  ctx.set('Cache-Control', 'no-store');
  ctx.body = Buffer.from(JSON.stringify(value));
}
