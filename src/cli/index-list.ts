import { existsSync } from 'node:fs';
import type { RepositoryUsage } from '../index/index.js';
import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { indexPath, openExistingStore } from './open-store.js';

/** Prints what the index knows of each repository: a table for people, or JSON. */
export async function listIndex(file: string | undefined, { json }: { json: boolean }): Promise<void> {
  const { config } = await readConfig(file, process.env);
  const isNew = !existsSync(indexPath(config));
  await using opened = await openExistingStore(config, consoleLogger());
  if (isNew) throw new Error(`nothing is indexed in ${indexPath(config)} yet; use berth index rebuild`);
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
  return [repository, String(tags), String(manifests), readableSize(bytes), ...times];
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Three digits or so, for people: `1.0MiB`. JSON has the bytes. */
function readableSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)}${UNITS[power]}`;
}
