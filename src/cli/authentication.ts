import { dirname, join, resolve } from 'node:path';
import { makeDirectories } from '../linux/index.js';
import type { BearerAuthenticator } from '../registry/auth/bearer-authenticator.js';
import {
  AccessRules,
  type Authenticator,
  type AuthLog,
  HtpasswdAuthenticator,
  type JobLogins,
  Logins,
  OpenAuthenticator,
  type PasswordAuthenticator,
  Robots,
  TokenAuthenticator,
} from '../registry/auth/index.js';
import type { Config } from '../registry/config/index.js';
import { readConfigured } from '../registry/configured-file.js';
import type { TokenIssuer } from '../registry/http/index.js';
import type { Logger } from '../registry/logger.js';
import { editFile } from './file-edit.js';

type Users = PasswordAuthenticator | BearerAuthenticator | OpenAuthenticator;

/** Who is calling: asked of an htpasswd file, robots and jobs, of tokens of another server, or of nobody. */
export async function openAuthenticator(config: Config, log: Logger): Promise<Users> {
  const { auth } = config;
  if (auth.token) return openBearer(auth.token, log);
  const users = auth.htpasswd && (await openHtpasswd(auth.htpasswd, config, log));
  const [robots, jobs] = [await openRobots(config, log), await openJobs(config, log)];
  if (robots || jobs) return new Logins({ users, robots, jobs });
  return users ?? new OpenAuthenticator();
}

export async function openRobots({ berth }: Config, log: AuthLog): Promise<Robots | undefined> {
  const { path } = berth.robots;
  return path === undefined ? undefined : Robots.open({ path, log, now: Date.now });
}

function openHtpasswd(
  htpasswd: NonNullable<Config['auth']['htpasswd']>,
  { berth }: Config,
  log: Logger,
): Promise<HtpasswdAuthenticator> {
  return HtpasswdAuthenticator.open({
    ...htpasswd,
    log,
    verifiedTtlMs: berth.passwordcache,
    // As the reference does: a registry that asks for passwords is never left open for want of a file.
    onCreated: (user, password) => {
      log.warn({ path: htpasswd.path, user }, 'password file made');
      process.stderr.write(`berth: the new password of user ${user} is ${password}\n`);
    },
  });
}

/** Its libraries are loaded only where they are needed. */
export async function openJobs({ berth }: Config, log: AuthLog): Promise<JobLogins | undefined> {
  if (berth.oidc.length === 0) return undefined;
  const { OidcJobs } = await import('../registry/auth/signing.js');
  const services = berth.oidc.map(async ({ ca, session, ...service }, i) => ({
    ...service,
    sessionMs: session,
    ca: ca ? [(await readConfigured(ca, `berth.oidc[${i}].ca`)).toString()] : undefined,
  }));
  return new OidcJobs(await Promise.all(services), { log, now: Date.now });
}

/** Its libraries are loaded only where they are needed. */
async function openBearer(
  token: NonNullable<Config['auth']['token']>,
  log: Logger,
): Promise<BearerAuthenticator> {
  const { BearerAuthenticator } = await import('../registry/auth/bearer-authenticator.js');
  const { autoredirect, autoredirectpath = '/auth/token/' } = token;
  return BearerAuthenticator.open({
    ...token,
    algorithms: token.signingalgorithms,
    redirectPath: autoredirect ? autoredirectpath : undefined,
    log,
  });
}

export function accessRules({ berth }: Config, authenticator: Authenticator): AccessRules {
  return new AccessRules(berth, { canLogIn: authenticator.canLogIn });
}

/** @returns `undefined` where passwords do: only pulling without a login needs tokens, some clients cannot otherwise. */
export async function openTokenIssuer(
  config: Config,
  users: Users,
  access: AccessRules,
  log: Logger,
): Promise<TokenIssuer | undefined> {
  if (!('recall' in users)) return undefined;
  if (config.berth.tokens.enabled) return openSigningIssuer(config, users, access, log);
  if (!access.anonymousCanPullSomething) return undefined;
  return { authenticator: new TokenAuthenticator(users, { secret: config.http.secret }) };
}

/** Between the clocks of those who sign tokens and those who verify them. */
const LEEWAY_MS = 60_000;

/** Its libraries are loaded only where they are needed. */
async function openSigningIssuer(
  config: Config,
  users: PasswordAuthenticator,
  access: AccessRules,
  log: Logger,
): Promise<TokenIssuer> {
  const { issuer, service, lifetime, rotation } = config.berth.tokens;
  const { SignedTokens, TokenKeys } = await import('../registry/auth/signing.js');
  const now = Date.now;
  const path = tokenKeysPath(config);
  makeDirectories(dirname(path));
  const overlapMs = lifetime + LEEWAY_MS;
  const keys = await TokenKeys.open({ path, issuer, rotationMs: rotation, overlapMs, editFile, log, now });
  const tokens = await SignedTokens.open({
    keys,
    issuer,
    service,
    lifetimeSeconds: Math.floor(lifetime / 1000),
    seesAll: (identity) => access.seesAll(identity),
    recall: (subject) => users.recall(subject),
    now,
  });
  const authenticator = new TokenAuthenticator(users, {
    secret: await keys.secret(),
    signed: { tokens, service },
    granted: (identity, scopes) => access.granted(identity, scopes),
  });
  return { authenticator, keys };
}

/** Loading the configuration has refused other storage without a path. */
export function tokenKeysPath({ berth, storage }: Config): string {
  return resolve(berth.tokens.keys ?? join(storage.filesystem?.rootdirectory ?? '', 'berth/token-keys.json'));
}
