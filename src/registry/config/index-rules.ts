import type { Report } from './notices.js';
import type { Config } from './schema/config.js';

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** Where the index is: in a file, or in a database. Nothing of its URL is repeated, which may hold a password. */
export function checkIndexPlace({ auth, berth, http, storage }: Config, { problem, notice }: Report): void {
  const { path, postgresql } = berth.index;
  const at = (key: string) => `berth.index.postgresql.${key}`;
  if (postgresql.url === undefined) {
    if (postgresql.passwordfile) notice('warn', at('passwordfile'), 'has no effect without url');
    return;
  }
  if (path) notice('warn', 'berth.index.path', 'has no effect with berth.index.postgresql.url');
  if (!storage.filesystem && !storage.s3)
    problem(at('url'), 'what storage.inmemory holds ends with the server, but the index would not');
  const url = URL.parse(postgresql.url);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) {
    problem(at('url'), 'must be a URL such as postgresql://user@host:5432/database');
    return;
  }
  const mode = url.searchParams.get('sslmode');
  if (mode !== null && !SSL_MODES.includes(mode))
    problem(at('url'), `its sslmode must be of ${SSL_MODES.join(', ')}`);
  if (url.searchParams.has('password'))
    problem(at('url'), 'its password goes before the @, or into passwordfile: elsewhere it would be shown');
  if (url.password && postgresql.passwordfile)
    problem(at('passwordfile'), 'does not go with a password in url');
  const hasLogins = Boolean(auth.htpasswd) || berth.robots.path !== undefined;
  if (hasLogins && !berth.tokens.enabled && !http.secret)
    notice(
      'warn',
      'http.secret',
      'several servers need the same one: a token that one of them gives is nothing to the others',
    );
}
