import { checkHealth, checkHttp } from './http-rules.js';
import { checkIndexPlace } from './index-rules.js';
import { DEFAULT, type Notice, type Origin, type Problem, type Report } from './notices.js';
import { checkNotifications } from './notification-rules.js';
import { AUTH_SCHEMES, TOKEN_ALGORITHMS } from './schema/auth.js';
import type { Config } from './schema/config.js';
import { ARCHIVES } from './schema/s3.js';
import { STORAGE_DRIVERS } from './schema/storage.js';
import { findTree, originAt, type Tree, textAt } from './tree.js';
import { checkUpstreams } from './upstream-rules.js';

type Findings = { problems: Problem[]; notices: Notice[] };

/**
 * What no single key can know: keys that exclude or need each other.
 * @param config undefined when single values are wrong already; then only what was written is looked at.
 */
export function checkRules(root: Tree, config: Config | undefined): Findings {
  const findings: Findings = { problems: [], notices: [] };
  const problem = (key: string, message: string) =>
    findings.problems.push({ key, message, origin: placeOf(root, key) });
  const notice = (level: Notice['level'], key: string, message: string) =>
    // What is only worth knowing is about defaults.
    findings.notices.push({ level, key, message, origin: level === 'info' ? DEFAULT : placeOf(root, key) });

  const drivers = written(root, 'storage', [...STORAGE_DRIVERS, 's3aws']);
  if (drivers.length > 1) problem('storage', `must name exactly one driver, not ${drivers.join(' and ')}`);
  if (drivers.length === 0)
    problem(
      'storage',
      'must name a driver: filesystem, with its rootdirectory, s3, with its bucket, or inmemory',
    );
  const schemes = written(root, 'auth', AUTH_SCHEMES);
  if (schemes.length > 1) problem('auth', `must name at most one scheme, not ${schemes.join(' and ')}`);
  if (!config) return findings;

  for (const list of ['allow', 'deny'] as const) {
    config.validation.manifests.urls[list].forEach((source, index) => {
      if (isRegExp(source)) return;
      problem(
        `validation.manifests.urls.${list}.${index}`,
        'must be a regular expression that JavaScript reads alike',
      );
    });
  }
  for (const key of ['catalog.maxentries', 'tags.maxtags']) {
    if (Number(textAt(root, key) ?? 1) <= 0) notice('warn', key, 'less than 1 stands for the default, 1000');
  }
  const report = { problem, notice };
  checkHttp(root, config, report);
  checkHealth(config, report);
  checkS3(config, report);
  checkIndexPlace(config, report);
  checkAccess(config, report);
  checkUpstreams(config, report);
  checkTokens(config, report);
  checkNotifications(config, report);
  return findings;
}

/** Needs of the driver, and what it would not say by itself. */
function checkS3({ storage: { s3 } }: Config, { problem, notice }: Report): void {
  if (!s3) return;
  const at = (key: string) => `storage.s3.${key}`;
  const elsewhere = Boolean(s3.regionendpoint);
  if (!s3.bucket) problem(at('bucket'), 'is required');
  if (!s3.region && !elsewhere) problem(at('region'), 'is required without regionendpoint');
  if (s3.accesskey && !s3.secretkey) problem(at('secretkey'), 'is required with accesskey');
  if (s3.secretkey && !s3.accesskey) problem(at('accesskey'), 'is required with secretkey');
  for (const key of ['regionendpoint', 'redirectendpoint'] as const) {
    const address = s3[key];
    if (address && !isAddress(address))
      problem(at(key), 'must be an address such as https://s3.example.com:9000');
  }
  if (s3.accelerate && s3.forcepathstyle) problem(at('accelerate'), 'does not go with forcepathstyle');
  for (const key of ['accelerate', 'usedualstack', 'usefipsendpoint'] as const) {
    if (s3[key] && elsewhere) notice('warn', at(key), 'has no effect with regionendpoint');
  }
  if (s3.keyid && !s3.encrypt) notice('warn', at('keyid'), 'has no effect without encrypt: true');
  if (!s3.v4auth)
    notice('warn', at('v4auth'), 'signatures of version 2 are not supported; version 4 is used');
  if (ARCHIVES.includes(s3.storageclass))
    notice('warn', at('storageclass'), 'objects of this class cannot be pulled until somebody restores them');
}

function isAddress(value: string): boolean {
  const url = URL.parse(value.includes('://') ? value : `https://${value}`);
  return url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/';
}

function checkAccess({ auth, berth }: Config, { problem, notice }: Report): void {
  const { token } = auth;
  if (token && !token.rootcertbundle && !token.jwks)
    problem(
      'auth.token.rootcertbundle',
      'is required, or auth.token.jwks: tokens are verified with their keys',
    );
  if (token?.signingalgorithms.some((name) => !TOKEN_ALGORITHMS.includes(name)))
    problem('auth.token.signingalgorithms', `must be of ${TOKEN_ALGORITHMS.join(', ')}`);
  berth.retention.forEach(({ keep }, index) => {
    if (!berth.index.lastpull && keep.some(({ pulledwithin }) => pulledwithin !== undefined))
      problem(
        `berth.retention.${index}.keep`,
        'pulledwithin needs berth.index.lastpull: pulls are not remembered',
      );
  });
  const names = new Set<string>();
  const checkNames = (key: string, subjects: readonly string[]) => {
    for (const subject of subjects) {
      names.add(subject);
      if (berth.robots.path !== undefined && subject.startsWith('robot+'))
        notice('warn', key, `${subject} has no effect: what a robot may do is said by berth robot add`);
      if (subject.startsWith('@') && !Object.hasOwn(berth.groups, subject.slice(1))) {
        problem(key, `there is no group ${subject.slice(1)} in berth.groups`);
      }
    }
  };
  berth.access.forEach((rule, index) => {
    for (const action of ['pull', 'push', 'delete'] as const) {
      checkNames(`berth.access.${index}.${action}`, rule[action]);
    }
  });
  names.delete('anonymous');
  const needsUsers = names.size > 0;
  checkNames('berth.admins', berth.admins);
  if (auth.htpasswd || token || berth.robots.path !== undefined || berth.oidc.length > 0) return;
  if (needsUsers)
    notice(
      'warn',
      'berth.access',
      'names users, but without auth.htpasswd or auth.token everybody is anonymous',
    );
  if (berth.admins.length > 0)
    notice('warn', 'berth.admins', 'without auth.htpasswd or auth.token nobody can be an administrator');
}

function checkTokens({ auth, storage, berth }: Config, { problem, notice }: Report): void {
  const { tokens, robots, oidc } = berth;
  for (const [key, used] of Object.entries({
    'berth.tokens.enabled': tokens.enabled,
    'berth.robots.path': robots.path !== undefined,
    'berth.oidc': oidc.length > 0,
  })) {
    if (used && auth.token) problem(key, 'does not go with auth.token: tokens come from that server');
    if (used && auth.none) problem(key, 'does not go with auth.none, where nobody logs in');
  }
  oidc.forEach(({ issuer }, index) => {
    const key = `berth.oidc.${index}.issuer`;
    if (!/^https?:$/.test(new URL(issuer).protocol)) problem(key, 'must begin with https://');
    else if (issuer.startsWith('http:'))
      notice('warn', key, 'is not https: whoever is in between can let in anybody');
    if (oidc.findIndex((other) => other.issuer === issuer) < index) problem(key, 'is there twice');
  });
  if (oidc.length > 0 && !tokens.enabled)
    problem('berth.oidc', 'needs berth.tokens.enabled: tokens of a CI service end in the middle of a push');
  if (!tokens.enabled) return;
  if (!auth.htpasswd && robots.path === undefined && oidc.length === 0)
    problem(
      'berth.tokens.enabled',
      'needs somebody who can log in: auth.htpasswd, berth.robots or berth.oidc',
    );
  if (!tokens.keys && !storage.filesystem)
    problem('berth.tokens.keys', 'is required unless storage is a filesystem: the keys must not get lost');
  if (tokens.lifetime < 1000) problem('berth.tokens.lifetime', 'must be at least 1s');
  else if (tokens.lifetime < 60_000)
    notice('warn', 'berth.tokens.lifetime', 'clients take less than a minute for a minute');
}

function written(root: Tree, section: string, names: readonly string[]): string[] {
  const tree = findTree(root, [section]);
  return tree?.kind === 'map' ? names.filter((name) => tree.entries.has(name)) : [];
}

function placeOf(root: Tree, key: string): Origin {
  return originAt(root, key.split('.'));
}

/** What Go has and JavaScript would silently read as something else. */
const ONLY_GO = /\\[AzQECp]|\[\^?\[:|\(\?P</;

function isRegExp(source: string): boolean {
  try {
    return !ONLY_GO.test(source) && Boolean(new RegExp(source));
  } catch {
    return false;
  }
}
