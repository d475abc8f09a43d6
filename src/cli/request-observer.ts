import type { Config } from '../registry/config/index.js';
import type { ObservedRequest, RequestObserver } from '../registry/http/index.js';
import type { Metrics } from '../registry/monitoring/index.js';
import { accessLog, type FinishedRequest, type LineSink } from '../registry/operations/index.js';

/** Clients that left before their answer was complete, as nginx and the reference registry log them. */
const CLIENT_GONE = 499;

/** Writes each request into the access log and counts it, where anybody can read the count. */
export function requestObserver(
  { log }: Config,
  parts: {
    metrics: Metrics | undefined;
    output: LineSink;
    trusted: (address: string | undefined) => boolean;
  },
): RequestObserver {
  const { metrics } = parts;
  const write = accessLog(log, parts);
  return {
    started: (request) => metrics?.requestStarted(request),
    finished: (observed) => {
      const request = describe(observed);
      write(request);
      if (metrics === undefined) return;
      metrics.requestEnded(observed.ctx.state, request);
      countManifests(observed, metrics);
    },
  };
}

function describe({ ctx, startedAt, complete }: ObservedRequest): FinishedRequest {
  const { req, res, state } = ctx;
  const { headers } = req;
  return {
    id: state.id,
    handler: state.handler,
    remoteAddress: state.peer.address,
    forwardedFor: headers['x-forwarded-for']?.toString(),
    user: state.identity === 'anonymous' ? undefined : state.identity.user,
    method: req.method ?? '',
    host: headers.host,
    url: req.url ?? '',
    httpVersion: req.httpVersion,
    status: complete ? res.statusCode : CLIENT_GONE,
    requestBytes: Number(headers['content-length'] ?? 0),
    responseBytes: complete && req.method !== 'HEAD' ? Number(res.getHeader('content-length') ?? 0) : 0,
    durationMs: performance.now() - startedAt,
    referer: headers.referer,
    userAgent: headers['user-agent'],
  };
}

function countManifests({ ctx: { req, res, state } }: ObservedRequest, metrics: Metrics): void {
  if (state.handler !== 'manifest' || state.repository === undefined) return;
  if (req.method === 'GET' && res.statusCode === 200) metrics.pulled(state.repository);
  if (req.method === 'PUT' && res.statusCode === 201) metrics.pushed(state.repository);
}
