import { OciError } from '../../oci/index.js';
import { parseScopes, type TokenAuthenticator } from '../auth/index.js';
import { sendJson } from './answers.js';
import { HttpError } from './errors.js';
import type { RegistryContext } from './registry.js';

/**
 * GET of a token: for the user whose password comes with it, otherwise for nobody. What it is for is asked of the
 * rules when it is used, so that this never refuses a scope. POST is refused, upon which clients use GET.
 * @see distribution spec auth/token.md, "Requesting a Token"
 */
export function giveToken(tokens: TokenAuthenticator) {
  return async (ctx: RegistryContext) => {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw notAllowed(ctx.method);
    const scopes = parseScopes(new URLSearchParams(ctx.querystring).getAll('scope'));
    const { token, lifetimeSeconds, issuedAt } = await issue(ctx, tokens, scopes);
    ctx.set('Cache-Control', 'no-store');
    sendJson(ctx, {
      token,
      access_token: token,
      expires_in: lifetimeSeconds,
      issued_at: issuedAt.toISOString(),
    });
  };
}

/** Asks for a password here: a client that is told to get a token would come back for one. */
async function issue(
  ctx: RegistryContext,
  tokens: TokenAuthenticator,
  scopes: ReturnType<typeof parseScopes>,
): ReturnType<TokenAuthenticator['issue']> {
  try {
    return await tokens.issue(ctx.get('Authorization') || undefined, scopes);
  } catch (error) {
    if (!(error instanceof OciError && error.code === 'UNAUTHORIZED')) throw error;
    const headers = { 'WWW-Authenticate': tokens.passwordChallenge };
    throw new HttpError(401, 'UNAUTHORIZED', error.message, { cause: error, headers });
  }
}

function notAllowed(method: string): HttpError {
  return new HttpError(405, 'UNSUPPORTED', `${method} is not possible here; GET a token`, {
    headers: { Allow: 'HEAD, GET' },
  });
}
