import { OciError } from '../../oci/index.js';
import { type Action, type Authenticator, scopeOf } from '../auth/index.js';
import { locationOf } from './answers.js';
import type { PublicUrl } from './public-url.js';
import type { Registry, RegistryContext, RegistrySettings } from './registry.js';
import { findRequest, type RegistryRequest } from './request.js';

/** Where tokens are given, below the prefix. */
export const TOKEN_PATH = '/auth/token';

/** @throws {OciError} UNAUTHORIZED: logging in may help, or another token. DENIED: it would not. */
export function authorize(
  { access }: Registry,
  { state: { identity, proven }, method }: RegistryContext,
  request: RegistryRequest,
): void {
  if ('repository' in request) {
    access.authorize(identity, actionFor(request, method), request.repository);
    return;
  }
  if (!access.canLogIn) return;
  // Clients choose how to log in by this answer alone, so it asks even where pulling needs no login.
  const welcome =
    request.kind === 'base' ? proven : identity !== 'anonymous' || access.anonymousCanPullSomething;
  if (!welcome) throw new OciError('UNAUTHORIZED', 'authentication required');
  if (request.kind === 'catalog' && identity !== 'anonymous' && identity.lists === false)
    throw new OciError('UNAUTHORIZED', 'this token is not for the list of repositories');
}

/** Whoever may push may also look after and give up an upload: clients ask for no more than that. */
function actionFor({ kind }: RegistryRequest, method: string): Action {
  if (kind === 'upload' || kind === 'uploads') return 'push';
  if (method === 'GET' || method === 'HEAD') return 'pull';
  return method === 'DELETE' ? 'delete' : 'push';
}

/** @returns the value of `WWW-Authenticate` for a 401 to this request. distribution spec auth/token.md. */
export function challengeFor(
  ctx: RegistryContext,
  authenticator: Authenticator,
  { settings, url }: Readonly<{ settings: RegistrySettings; url: PublicUrl }>,
): string | undefined {
  const base = url(ctx.state.peer, ctx.req.headers);
  return authenticator.challenge({
    tokenUrl: base && locationOf({ ...settings, baseUrl: base }, TOKEN_PATH),
    scope: neededScope(ctx, settings),
    error: errorOf(ctx),
  });
}

/** What to ask a token for; `undefined` where any token does, or none is known to. */
function neededScope(ctx: RegistryContext, settings: RegistrySettings): string | undefined {
  // Who sent bad credentials is refused before the URL is looked at, which may be bad too.
  const request = findRequest(ctx, settings);
  if (request === undefined) return undefined;
  if ('repository' in request) return scopeOf(actionFor(request, ctx.method), request.repository);
  return request.kind === 'catalog' ? 'registry:catalog:*' : undefined;
}

/** RFC 6750 section 3.1. Without it, some clients do not ask for a token again. */
function errorOf(ctx: RegistryContext): 'insufficient_scope' | 'invalid_token' | undefined {
  if (ctx.state.proven) return 'insufficient_scope';
  return /^bearer\b/i.test(ctx.get('Authorization')) ? 'invalid_token' : undefined;
}
