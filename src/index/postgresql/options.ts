/** Where the database of an index is, and how much of it is used. */
export type PostgresOptions = Readonly<{
  /** `postgresql://user:password@host:port/database?sslmode=verify-full`, as PostgreSQL's own programs take it. */
  url: string;
  /** In place of a password in `url`; asked for at each new connection. */
  password?: () => Promise<string>;
  /** Most connections that are open at once. */
  connections: number;
  /** What the names of its schemas begin with. */
  schema: string;
}>;

/** PostgreSQL's own meaning of `sslmode`, where the library by itself has another one. */
export function connectionString(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !parsed.searchParams.has('sslmode')) return url;
  parsed.searchParams.set('uselibpqcompat', 'true');
  return parsed.href;
}
