import type { ClientConfig } from 'pg';

/** Where the database of an index is, and how much of it is used. */
export type PostgresOptions = Readonly<{
  /** `postgresql://user:password@host:port/database?sslmode=verify-full`, as PostgreSQL's own programs take it. */
  url: string;
  /** In place of a password in `url`; asked for at each new connection. */
  password?: () => Promise<string>;
  /** Most connections for the index that are open at once. */
  connections: number;
  /** What the names of its schemas begin with. */
  schema: string;
  /** Tells registries apart: asked when the tables are found, for nobody is to use those of another. */
  registry?: () => Promise<string>;
}>;

/** How long one waits for a connection, be it that all are busy or that the database does not answer. */
const CONNECT_MS = 5000;
const KEEP_ALIVE_MS = 10_000;

export function clientConfig({ url, password }: PostgresOptions): ClientConfig {
  return {
    connectionString: connectionString(url),
    ...(password && { password }),
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    fallback_application_name: 'berth',
  };
}

/** PostgreSQL's own meaning of `sslmode`, where the library by itself has another one. */
function connectionString(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !parsed.searchParams.has('sslmode')) return url;
  parsed.searchParams.set('uselibpqcompat', 'true');
  return parsed.href;
}
