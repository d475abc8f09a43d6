import { dirname, join, resolve } from 'node:path';
import { makeDirectories } from '../linux/index.js';
import type { BearerAuthenticator } from '../registry/auth/bearer-authenticator.js';
import {
  AccessRules,
  type Authenticator,
  type AuthLog,
  globAt,
  HtpasswdAuthenticator,
  type JobLogins,
  Logins,
  OpenAuthenticator,
  type PasswordAuthenticator,
  parseTagGlob,
  Robots,
  TokenAuthenticator,
} from '../registry/auth/index.js';
import { type Config, parseAddress } from '../registry/config/index.js';
import type { RetentionRule } from '../registry/gc/index.js';
import type { RegistrySettings, RepositoryWarning, TokenIssuer } from '../registry/http/index.js';
import type { ListenAddress } from '../registry/listen.js';
import type { Logger } from '../registry/logger.js';
import type { ManifestRules, QuotaRule } from '../registry/repositories/index.js';
import { readConfigured } from '../registry/system-error.js';
import type { TlsFiles } from '../registry/tls/index.js';
import { editFile } from './file-edit.js';

/** What the parts of the registry want to know of the configuration, each in its own words. */
export function registrySettings({ http, storage, catalog, tags, berth }: Config): RegistrySettings {
  return {
    baseUrl: http.relativeurls ? '' : (http.host ?? '').replace(/\/$/, ''),
    prefix: (http.prefix ?? '').replace(/\/+$/, ''),
    namespaces: new Map(),
    deleteEnabled: storage.delete.enabled,
    readOnly: storage.maintenance.readonly.enabled,
    // Only this driver has URLs that clients can be sent to.
    redirect: storage.s3 !== undefined && !storage.redirect.disable,
    maxManifestBytes: berth.limits.manifestbytes,
    maxOpenUploads: berth.limits.openuploads,
    maxCatalogEntries: catalog.maxentries,
    maxTags: tags.maxtags,
    search: berth.search,
    warnings: berth.warnings.map(repositoryWarning),
  };
}

/** Loading the configuration has refused what is no address. */
export function listenAddress({ net, addr }: Pick<Config['http'], 'net' | 'addr'>): ListenAddress {
  if (net === 'unix') return { path: addr };
  const address = parseAddress(addr);
  if (address === undefined) throw new TypeError(`${addr} is no address`);
  return address;
}

function repositoryWarning(
  { repositories, text }: Config['berth']['warnings'][number],
  at: number,
): RepositoryWarning {
  return { matches: anyOf(repositories, `berth.warnings[${at}].repositories`), text };
}

type Globs = readonly string[];

/** @throws {Error} naming the place below `key` of a pattern that nothing could match. */
function anyOf(patterns: Globs, key: string, parse?: typeof parseTagGlob): (name: string) => boolean {
  const globs = patterns.map((pattern, i) => globAt(pattern, `${key}[${i}]`, parse));
  return (name) => globs.some((glob) => glob.matches(name));
}

/** Tags of repositories, by a rule at `key`. */
function tagMatcher({ repositories, tags }: Readonly<{ repositories: Globs; tags: Globs }>, key: string) {
  const isRepository = anyOf(repositories, `${key}.repositories`);
  const isTag = anyOf(tags, `${key}.tags`, parseTagGlob);
  return (repository: string, tag: string) => isRepository(repository) && isTag(tag);
}

/** Of `berth.mirrors[at]`. */
export function mirrorMatchers(
  { repositories, tags }: Readonly<{ repositories: Globs; tags: Globs }>,
  at: number,
) {
  const key = `berth.mirrors[${at}]`;
  return {
    isRepository: anyOf(repositories, `${key}.repositories`),
    isTag: anyOf(tags, `${key}.tags`, parseTagGlob),
  };
}

export function quotaRules({ berth }: Config): QuotaRule[] {
  return berth.quotas.map(({ repositories, size }, at) => {
    const key = `berth.quotas[${at}]`;
    return { matches: anyOf(repositories, `${key}.repositories`), bytes: size, key };
  });
}

export function retentionRules({ berth }: Config): RetentionRule[] {
  return berth.retention.map((rule, at) => ({
    matches: tagMatcher(rule, `berth.retention[${at}]`),
    keep: rule.keep.map(({ newest, newestversions, pushedwithin, pulledwithin }) => ({
      newest,
      newestVersions: newestversions,
      pushedWithin: pushedwithin,
      pulledWithin: pulledwithin,
    })),
    expiryLabel: rule.expirylabel,
  }));
}

export function manifestRules({ validation, berth }: Config): ManifestRules {
  const { indexes, urls } = validation.manifests;
  const immutable = berth.immutable.map((rule, at) => tagMatcher(rule, `berth.immutable[${at}]`));
  return {
    indexPlatforms: validation.disabled
      ? 'none'
      : indexes.platforms === 'list'
        ? indexes.platformlist.map(({ os = '', architecture = '' }) => ({ os, architecture }))
        : indexes.platforms,
    blobs: validation.disabled ? 'optional' : 'required',
    urls: {
      allow: urls.allow.map((text) => new RegExp(text)),
      deny: urls.deny.map((text) => new RegExp(text)),
    },
    isImmutable: (repository, tag) => immutable.some((matches) => matches(repository, tag)),
  };
}

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
function tokenKeysPath({ berth, storage }: Config): string {
  return resolve(berth.tokens.keys ?? join(storage.filesystem?.rootdirectory ?? '', 'berth/token-keys.json'));
}

/** @returns `undefined` for a registry without TLS. */
export function tlsFilesOf({ http: { tls } }: Config): TlsFiles | undefined {
  const { certificate, key } = tls;
  return certificate && key ? { ...tls, certificate, key } : undefined;
}
