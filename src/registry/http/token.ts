import { OciError } from '../../oci/index.js';
import {
  asksForLists,
  type IssuedToken,
  JOB_USER,
  parseScopes,
  type Scope,
  type TokenAuthenticator,
  type TokenKeys,
} from '../auth/index.js';
import { sendJson } from './answers.js';
import { TOKEN_PATH } from './authorization.js';
import { readWhole } from './body.js';
import { HttpError } from './errors.js';
import type { RegistryContext } from './registry.js';

/** What gives tokens; `keys` where others can read them. */
export type TokenIssuer = Readonly<{ authenticator: TokenAuthenticator; keys?: TokenKeys }>;

/** Where the keys are that verify our tokens, below the prefix. */
const KEY_SET_PATH = '/auth/jwks.json';
/** Where the certificate is of the authority that vouches for the keys: it stays the same. */
const CERTIFICATE_PATH = '/auth/certificate.pem';

/** For whoever verifies tokens: a key is published longer than this before it signs. */
const KEYS_MAX_AGE_SECONDS = 300;

/** The token of a CI job for one of ours. RFC 8693 sections 2.1 and 3. */
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const MAX_FORM_BYTES = 64 * 1024;

/** By path below the prefix. */
export function answersOf({ authenticator, keys }: TokenIssuer) {
  const answers = new Map([[TOKEN_PATH, giveToken(authenticator)]]);
  if (keys === undefined) return answers;
  answers.set(KEY_SET_PATH, async (ctx) => {
    requireRead(ctx);
    sendJson(ctx, await keys.keySet());
  });
  answers.set(CERTIFICATE_PATH, async (ctx) => {
    requireRead(ctx);
    ctx.type = 'application/x-pem-file';
    ctx.body = await keys.certificate();
  });
  return answers;
}

function requireRead(ctx: RegistryContext): void {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD')
    throw new HttpError(405, 'UNSUPPORTED', `${ctx.method} is not possible here`, {
      headers: { Allow: 'HEAD, GET' },
    });
  ctx.set('Cache-Control', `public, max-age=${KEYS_MAX_AGE_SECONDS}`);
}

/**
 * GET of a token: for the user whose password comes with it, otherwise for nobody; POST: for a password, a refresh
 * token or that of a CI job in a form. This never refuses a scope: what the caller may not do is left out, or refused when a token is used.
 * @see distribution spec auth/token.md, "Requesting a Token"; auth/oauth.md
 */
function giveToken(tokens: TokenAuthenticator) {
  return async (ctx: RegistryContext) => {
    ctx.set('Cache-Control', 'no-store');
    if (ctx.method === 'POST') return answerForm(ctx, tokens);
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw notAllowed(ctx.method);
    const query = new URLSearchParams(ctx.querystring);
    const offline = query.get('offline_token') === 'true';
    const header = ctx.get('Authorization') || undefined;
    const scopes = query.getAll('scope');
    const issued = await asked(tokens, () =>
      tokens.issue(header, parseScopes(scopes), { offline, lists: asksForLists(scopes) }),
    );
    sendToken(ctx, issued, { token: issued.token });
  };
}

async function answerForm(ctx: RegistryContext, tokens: TokenAuthenticator): Promise<void> {
  const form = new URLSearchParams((await readWhole(ctx, MAX_FORM_BYTES, 'form')).toString());
  const issued = await asked(tokens, () => grant(tokens, form));
  const exchanged = form.get('grant_type') === TOKEN_EXCHANGE;
  sendToken(ctx, issued, {
    scope: issued.scopes.map(textOf).join(' '),
    token_type: 'Bearer',
    ...(exchanged && { issued_token_type: ACCESS_TOKEN }),
  });
}

async function grant(tokens: TokenAuthenticator, form: URLSearchParams): Promise<IssuedToken> {
  const scopes = parseScopes(form.getAll('scope'));
  const lists = asksForLists(form.getAll('scope'));
  const value = (name: string) => form.get(name) ?? '';
  switch (value('grant_type')) {
    case 'password': {
      // Without a name it would be a token for nobody: a variable that is empty must not look like a login.
      if (value('username') === '')
        throw new HttpError(400, 'UNSUPPORTED', 'username is missing in the form');
      const basic = Buffer.from(`${value('username')}:${value('password')}`).toString('base64');
      return tokens.issue(`Basic ${basic}`, scopes, { lists, offline: value('access_type') === 'offline' });
    }
    case 'refresh_token':
      return tokens.refresh(value('refresh_token'), scopes, { lists });
    case TOKEN_EXCHANGE: {
      const basic = Buffer.from(`${JOB_USER}:${value('subject_token')}`).toString('base64');
      return tokens.issue(`Basic ${basic}`, scopes, { lists });
    }
    default:
      throw new HttpError(
        400,
        'UNSUPPORTED',
        `grant_type must be password, refresh_token or ${TOKEN_EXCHANGE}`,
      );
  }
}

function textOf({ repository, actions }: Scope): string {
  return `repository:${repository}:${actions.join(',')}`;
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
