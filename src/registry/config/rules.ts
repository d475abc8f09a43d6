import { DEFAULT, type Notice, type Origin, type Problem } from './notices.js';
import { AUTH_SCHEMES } from './schema/auth.js';
import type { Config } from './schema/config.js';
import { STORAGE_DRIVERS } from './schema/storage.js';
import { findTree, originAt, type Tree } from './tree.js';

const PLAIN = 'the registry speaks HTTP';

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
    findings.notices.push({ level, key, message, origin: placeOf(root, key) });

  const drivers = written(root, 'storage', [...STORAGE_DRIVERS, 's3aws']);
  if (drivers.length > 1) problem('storage', `must name exactly one driver, not ${drivers.join(' and ')}`);
  if (drivers.length === 0)
    problem('storage', 'must name a driver: filesystem, with its rootdirectory, or inmemory');
  const schemes = written(root, 'auth', AUTH_SCHEMES);
  if (schemes.length > 1) problem('auth', `must name at most one scheme, not ${schemes.join(' and ')}`);
  if (!config) return findings;

  const { certificate, key, clientcas, clientauth } = config.http.tls;
  if (certificate && !key) problem('http.tls.key', 'is required with http.tls.certificate');
  if (key && !certificate)
    notice('warn', 'http.tls.key', `has no effect without http.tls.certificate: ${PLAIN}`);
  if (clientauth?.includes('verify') && clientcas.length === 0) {
    problem('http.tls.clientcas', `is required with clientauth ${clientauth}`);
  }
  if (clientcas.length > 0 && !certificate) {
    notice('warn', 'http.tls.clientcas', `has no effect without http.tls.certificate: ${PLAIN}`);
  }
  if (config.http.host === undefined && hasText(root, 'http.host')) {
    notice('warn', 'http.host', 'is not a URL such as https://registry.example.com; ignored');
  }
  for (const list of ['allow', 'deny'] as const) {
    config.validation.manifests.urls[list].forEach((source, index) => {
      if (isRegExp(source)) return;
      problem(
        `validation.manifests.urls.${list}.${index}`,
        'must be a regular expression that JavaScript reads alike',
      );
    });
  }
  checkAccess(config, problem, notice);
  if (!findTree(root, ['http', 'addr'])) {
    const message = `is not set; listening on ${config.http.addr}`;
    findings.notices.push({ level: 'info', key: 'http.addr', message, origin: DEFAULT });
  }
  return findings;
}

function checkAccess(
  { auth, berth }: Config,
  problem: (key: string, message: string) => void,
  notice: (level: Notice['level'], key: string, message: string) => void,
): void {
  const names = new Set<string>();
  const checkNames = (key: string, subjects: readonly string[]) => {
    for (const subject of subjects) {
      names.add(subject);
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
  if (auth.htpasswd) return;
  if (needsUsers)
    notice('warn', 'berth.access', 'names users, but without auth.htpasswd everybody is anonymous');
  if (berth.admins.length > 0)
    notice('warn', 'berth.admins', 'without auth.htpasswd nobody can be an administrator');
}

function written(root: Tree, section: string, names: readonly string[]): string[] {
  const tree = findTree(root, [section]);
  return tree?.kind === 'map' ? names.filter((name) => tree.entries.has(name)) : [];
}

function placeOf(root: Tree, key: string): Origin {
  return originAt(root, key.split('.'));
}

function hasText(root: Tree, key: string): boolean {
  const tree = findTree(root, key.split('.'));
  return tree?.kind === 'scalar' && tree.text !== '';
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
