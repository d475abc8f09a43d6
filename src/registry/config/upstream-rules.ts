import { findRepositoryName } from '../../oci/index.js';
import { parseAddress } from './address.js';
import type { Report } from './notices.js';
import type { Config } from './schema/config.js';

const NO_URL = 'must be a URL such as https://registry-1.docker.io, without a path or credentials';
const NO_PREFIX = 'must be the beginning of a name, such as docker.io or mirrors/quay';
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;
const ANY_OR_LOOPBACK = /^(localhost|127\.0\.0\.1|::1|0\.0\.0\.0|::)$/;
const HELPER = /^docker-credential-[\w.-]+$/;

/** What copies of other registries need, and what would be two copies in one place. */
export function checkUpstreams(config: Config, report: Report): void {
  checkCopies(config, report);
  checkMirrors(config, report);
}

function checkMirrors({ proxy, storage, berth }: Config, { problem }: Report): void {
  const names = new Set<string>();
  const copies = [...berth.upstreams.map(({ prefix }) => prefix ?? ''), ...(proxy.remoteurl ? [''] : [])];
  berth.mirrors.forEach(({ name, direction, url, prefix = '', username, password }, i) => {
    const at = `berth.mirrors.${i}`;
    if (parseUpstreamUrl(url) === undefined) problem(`${at}.url`, NO_URL);
    if (prefix && findRepositoryName(prefix) === undefined) problem(`${at}.prefix`, NO_PREFIX);
    if (direction === 'pull' && copies.some((copy) => copy === '' || `${prefix}/`.startsWith(`${copy}/`)))
      problem(`${at}.prefix`, 'what is there is a copy of an upstream, and comes when it is asked for');
    if (names.has(name)) problem(`${at}.name`, `there is another mirror ${name}`);
    names.add(name);
    checkLogin(at, { username, password }, problem);
  });
  if (berth.mirrors.length > 0 && storage.maintenance.readonly.enabled)
    problem('berth.mirrors', 'a registry that is read-only mirrors nothing');
}

function checkLogin(
  at: string,
  { username, password }: Readonly<{ username?: string | undefined; password?: string | undefined }>,
  problem: Report['problem'],
): void {
  if (Boolean(username) === Boolean(password)) return;
  const [missing, given] = username ? ['password', 'username'] : ['username', 'password'];
  problem(`${at}.${missing}`, `is required with ${given}`);
}

function checkCopies({ http, proxy, storage, berth }: Config, { problem }: Report): void {
  const all = [
    ...(proxy.remoteurl ? [{ ...proxy, url: proxy.remoteurl, at: 'proxy', urlKey: 'proxy.remoteurl' }] : []),
    ...berth.upstreams.map((upstream, i) => {
      const at = `berth.upstreams.${i}`;
      return { ...upstream, at, urlKey: `${at}.url` };
    }),
  ];
  const prefixes = new Set<string>();
  const namespaces = new Set<string>();
  for (const { at, urlKey, url, username, password, ...more } of all) {
    const { prefix = '', namespaces: named = [] } = 'recheck' in more ? more : {};
    const target = parseUpstreamUrl(url);
    if (target === undefined) problem(urlKey, NO_URL);
    // Below a prefix each turn takes a part of the name away; here it would have no end.
    else if (prefix === '' && isOwn(target, http)) problem(urlKey, 'is this registry itself');
    if (prefix !== '' && findRepositoryName(prefix) === undefined) problem(`${at}.prefix`, NO_PREFIX);
    if (prefixes.has(prefix))
      problem(
        at,
        prefix === '' ? 'the whole registry is a copy already' : `there is a copy below ${prefix} already`,
      );
    prefixes.add(prefix);
    for (const namespace of named) {
      if (namespaces.has(namespace))
        problem(`${at}.namespaces`, `${namespace} is the name of another upstream`);
      namespaces.add(namespace);
    }
    checkLogin(at, { username, password }, problem);
  }
  if (all.length === 0) return;
  const { command } = proxy.exec;
  if (command && !HELPER.test(command))
    problem('proxy.exec.command', 'must be the name of a credential helper, docker-credential-…');
  const { at } = all[0] ?? { at: '' };
  if (storage.maintenance.readonly.enabled) problem(at, 'a registry that is read-only keeps no copies');
  if (!berth.index.lastpull) problem(at, 'needs berth.index.lastpull: what is not asked for must be known');
}

function isOwn({ host, hostname, port, protocol }: URL, http: Config['http']): boolean {
  if (http.host !== undefined && URL.parse(http.host)?.host === host) return true;
  const own = http.net === 'unix' ? undefined : parseAddress(http.addr);
  if (own?.port !== Number(port || (protocol === 'https:' ? 443 : 80))) return false;
  const isHere = LOOPBACK.test(hostname) && (own.host === undefined || ANY_OR_LOOPBACK.test(own.host));
  return isHere || own.host === hostname;
}

/** @returns `undefined` for what is no address of a registry. */
export function parseUpstreamUrl(text: string): URL | undefined {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  const isPlain =
    url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.search}` === '';
  return isPlain && url.pathname === '/' ? url : undefined;
}
