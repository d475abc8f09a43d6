import type { ClientBase } from 'pg';
import { IndexUnavailableError } from '../errors.js';
import type { Tables } from './database.js';
import type { PostgresOptions } from './options.js';
import { inMigration, quoted, requireSame } from './schema.js';

/** Tables of what can be had from nowhere else: they stay when those of the index are made anew. */
export type KeptTables = Readonly<{
  /** Their schema is called after it, behind the name that the index has. */
  name: string;
  /** Statements that lead from each version to the next, the first from nothing; they harm nothing when done again. */
  versions: readonly string[];
}>;

/** Brings the tables to the version that is known here: one server does while others wait. */
export function keptTables(
  { schema, registry }: Pick<PostgresOptions, 'schema' | 'registry'>,
  { name, versions }: KeptTables,
): Tables {
  const own = `${schema}_${name}`;
  return {
    deleted: `tables of ${own} were deleted and are made anew`,
    create: (client, broken) =>
      inMigration(client, async () => {
        await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoted(own)}; SET LOCAL search_path TO ${quoted(own)};
          CREATE TABLE IF NOT EXISTS history (version INTEGER NOT NULL, registry TEXT)`);
        const found = await versionOf(client);
        if (found > versions.length) throw tooNew(own, found);
        for (const statements of versions.slice(broken === undefined ? found : 0))
          await client.query(statements);
        await client.query('UPDATE history SET version = $1', [versions.length]);
        if (registry) await requireSame(client, registry);
        return own;
      }),
  };
}

async function versionOf(client: ClientBase): Promise<number> {
  const { rows } = await client.query('SELECT version FROM history');
  if (rows[0] !== undefined) return Number(rows[0].version);
  await client.query('INSERT INTO history (version) VALUES (0)');
  return 0;
}

function tooNew(schema: string, version: number): IndexUnavailableError {
  return new IndexUnavailableError(
    `the tables of ${schema} are of a newer version of Berth (${version}): start that version here too`,
  );
}
