import type { RepositoryUsage } from '../index/index.js';
import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { findIndex } from './open-index.js';
import { openExistingStore } from './open-store.js';
import { readableSize } from './readable-size.js';
import { textTable, timeCell } from './text-table.js';

/** Prints what the index knows of each repository: a table for people, or JSON. */
export async function listIndex(file: string | undefined, { json }: { json: boolean }): Promise<void> {
  const { config } = await readConfig(file, process.env);
  const { name, isNew } = findIndex(config, process.env);
  await using opened = await openExistingStore(config, consoleLogger());
  if (isNew) throw new Error(`nothing is indexed in ${name} yet; use berth index rebuild`);
  const usage = (await opened.index.usage()).filter(({ manifests }) => manifests > 0);
  process.stdout.write(json ? `${JSON.stringify(usage, undefined, 2)}\n` : table(usage));
}

const COLUMNS = ['REPOSITORY', 'TAGS', 'MANIFESTS', 'SIZE', 'PUSHED', 'PULLED'] as const;

function table(usage: readonly RepositoryUsage[]): string {
  return textTable([COLUMNS, ...usage.map(cellsOf)]);
}

function cellsOf({ repository, tags, manifests, bytes, pushedAt, pulledAt }: RepositoryUsage): string[] {
  const times = [pushedAt, pulledAt].map(timeCell);
  return [repository, String(tags), String(manifests), readableSize(bytes), ...times];
}
