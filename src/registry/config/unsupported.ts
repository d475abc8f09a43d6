import type { Notice, Problem } from './notices.js';
import { findTree, originAt, plainOf, type Tree } from './tree.js';

/**
 * Keys of the reference that have no part here yet. `refuse` where a start without it would lose data, open what was
 * closed or serve something else; the rest is told about and ignored.
 */
export const UNSUPPORTED: readonly Readonly<{
  key: string;
  refuse?: true;
  present?: true;
  message: string;
}>[] = [
  ...['azure', 'gcs', 'oss', 'swift'].map(
    (driver) =>
      ({
        key: `storage.${driver}`,
        refuse: true,
        present: true,
        message: 'this storage driver is not supported yet; use filesystem, s3 or inmemory',
      }) as const,
  ),
  {
    key: 'auth.silly',
    refuse: true,
    present: true,
    message: 'this scheme, which lets everybody in, is not supported yet; use htpasswd, token or none',
  },
  {
    key: 'http.tls.letsencrypt',
    refuse: true,
    message:
      "certificates from Let's Encrypt are not supported yet; set http.tls.certificate and http.tls.key",
  },
  {
    key: 'proxy.cachewritetimeout',
    message: 'what is on its way is stored at the speed at which it comes; ignored',
  },
  { key: 'http.h2c.enabled', message: 'HTTP/2 without TLS is not supported yet; ignored' },
  { key: 'log.hooks', message: 'log hooks are not supported yet; ignored' },
  { key: 'log.reportcaller', message: 'the place in the source is not logged; ignored' },
  {
    key: 'storage.filesystem.maxthreads',
    message: 'the number of threads is set by UV_THREADPOOL_SIZE; ignored',
  },
  {
    key: 'storage.tag.concurrencylimit',
    message: 'the index answers for tags, without such a limit; ignored',
  },
  { key: 'middleware.registry', message: 'middleware is not supported yet; ignored' },
  { key: 'middleware.repository', message: 'middleware is not supported yet; ignored' },
  { key: 'middleware.storage', message: 'middleware is not supported yet; ignored' },
  {
    key: 'redis',
    message: 'redis is not needed: the index answers what the reference caches there; ignored',
  },
  { key: 'reporting', message: 'error reports to services are not supported; ignored' },
  { key: 'policy.repository.classes', message: 'repository classes are not supported yet; ignored' },
  { key: 'compatibility.schema1.enabled', message: 'manifests of schema 1 are not supported; ignored' },
];

export function checkSupport(root: Tree): { problems: Problem[]; notices: Notice[] } {
  const problems: Problem[] = [];
  const notices: Notice[] = [];
  for (const { key, refuse, present, message } of UNSUPPORTED) {
    const path = key.split('.');
    const tree = findTree(root, path);
    if (!tree || !(present || isUsed(plainOf(tree)))) continue;
    const origin = originAt(root, path);
    if (refuse) problems.push({ key, message, origin });
    else notices.push({ level: 'warn', key, message, origin });
  }
  return { problems, notices };
}

/** Whether somebody asked for something: not empty, not off, not disabled. */
function isUsed(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isUsed);
  if (typeof value !== 'object' || value === null) return Boolean(value);
  return !('disabled' in value && value.disabled === true) && Object.values(value).some(isUsed);
}
