import { OciError } from '../../oci/index.js';
import { type IssuedToken, parseScopes, type TokenAuthenticator } from '../auth/index.js';
import { sendJson } from './answers.js';
import { readWhole } from './body.js';
import { HttpError } from './errors.js';
import type { RegistryContext } from './registry.js';

const MAX_FORM_BYTES = 64 * 1024;

/**
 * GET of a token: for the user whose password comes with it, otherwise for nobody; POST: for a password or a refresh
 * token in a form. What it is for is asked of the rules when it is used, so that this never refuses a scope.
 * @see distribution spec auth/token.md, "Requesting a Token"; auth/oauth.md
 */
export function giveToken(tokens: TokenAuthenticator) {
  return async (ctx: RegistryContext) => {
    ctx.set('Cache-Control', 'no-store');
    if (ctx.method === 'POST') return answerForm(ctx, tokens);
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw notAllowed(ctx.method);
    const query = new URLSearchParams(ctx.querystring);
    const offline = query.get('offline_token') === 'true';
    const header = ctx.get('Authorization') || undefined;
    const issued = await asked(tokens, () =>
      tokens.issue(header, parseScopes(query.getAll('scope')), { offline }),
    );
    sendToken(ctx, issued, { token: issued.token });
  };
}

async function answerForm(ctx: RegistryContext, tokens: TokenAuthenticator): Promise<void> {
  const form = new URLSearchParams((await readWhole(ctx, MAX_FORM_BYTES, 'form')).toString());
  const scopes = form.getAll('scope');
  const issued = await asked(tokens, () => grant(tokens, form, parseScopes(scopes)));
  sendToken(ctx, issued, { scope: scopes.join(' ') });
}

async function grant(
  tokens: TokenAuthenticator,
  form: URLSearchParams,
  scopes: ReturnType<typeof parseScopes>,
): Promise<IssuedToken> {
  const value = (name: string) => form.get(name) ?? '';
  switch (value('grant_type')) {
    case 'password': {
      const basic = Buffer.from(`${value('username')}:${value('password')}`).toString('base64');
      return tokens.issue(`Basic ${basic}`, scopes, { offline: value('access_type') === 'offline' });
    }
    case 'refresh_token':
      return tokens.refresh(value('refresh_token'), scopes);
    default:
      throw new HttpError(400, 'UNSUPPORTED', 'grant_type must be password or refresh_token');
  }
}

/** Asks for a password here: a client that is told to get a token would come back for one. */
async function asked(tokens: TokenAuthenticator, issue: () => Promise<IssuedToken>): Promise<IssuedToken> {
  try {
    return await issue();
  } catch (error) {
    if (!(error instanceof OciError && error.code === 'UNAUTHORIZED')) throw error;
    const headers = { 'WWW-Authenticate': tokens.passwordChallenge };
    throw new HttpError(401, 'UNAUTHORIZED', error.message, { cause: error, headers });
  }
}

function sendToken(ctx: RegistryContext, issued: IssuedToken, more: object): void {
  const { token, lifetimeSeconds, issuedAt, refreshToken } = issued;
  sendJson(ctx, {
    ...more,
    access_token: token,
    expires_in: lifetimeSeconds,
    issued_at: issuedAt.toISOString(),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
  });
}

function notAllowed(method: string): HttpError {
  return new HttpError(405, 'UNSUPPORTED', `${method} is not possible here; GET a token, or POST for one`, {
    headers: { Allow: 'HEAD, GET, POST' },
  });
}
