import type { RepositoryUsage } from '../index/index.js';
import { formatSize } from '../registry/config/index.js';
import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { openStore } from './open-store.js';

/** Prints what the index knows of each repository: a table for people, or JSON. */
export async function listIndex(file: string | undefined, { json }: { json: boolean }): Promise<void> {
  const { config } = await readConfig(file, process.env);
  await using opened = await openStore(config, consoleLogger());
  const usage = (await opened.index.usage()).filter(({ manifests }) => manifests > 0);
  process.stdout.write(json ? `${JSON.stringify(usage, undefined, 2)}\n` : table(usage));
}

const COLUMNS = ['REPOSITORY', 'TAGS', 'MANIFESTS', 'SIZE', 'PUSHED', 'PULLED'] as const;

function table(usage: readonly RepositoryUsage[]): string {
  const rows = [COLUMNS, ...usage.map(cellsOf)];
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function cellsOf({ repository, tags, manifests, bytes, pushedAt, pulledAt }: RepositoryUsage): string[] {
  const times = [pushedAt, pulledAt].map((at) => at?.toISOString().replace(/\.\d+Z$/, 'Z') ?? '-');
  return [repository, String(tags), String(manifests), formatSize(bytes), ...times];
}
