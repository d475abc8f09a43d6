import { Trash, type TrashEntry } from '../registry/repositories/index.js';
import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { parseAge } from './duration-option.js';
import { perform } from './maintenance.js';
import { openExistingStore } from './open-store.js';
import { textTable, timeCell } from './text-table.js';

/** `berth trash list`: a table for people, or JSON. */
export async function listTrash(file: string | undefined, { json }: { json: boolean }): Promise<void> {
  const { config } = await readConfig(file, process.env);
  await using opened = await openExistingStore(config, consoleLogger());
  const warn = (path: string) =>
    process.stderr.write(
      `berth: ${path} is no entry of the trash, or damaged: it brings nothing back; remove it\n`,
    );
  const entries = await Array.fromAsync(new Trash(opened.driver, opened.index).list(warn));
  const { keep } = config.berth.trash;
  process.stdout.write(json ? `${JSON.stringify(entries, undefined, 2)}\n` : table(entries, keep));
}

/** `berth trash restore`. */
export async function restoreFromTrash(file: string | undefined, ids: readonly string[]): Promise<void> {
  const { config } = await readConfig(file, process.env);
  for (const id of ids) {
    const outcome = await perform(config, { kind: 'restore', id });
    if (outcome.kind !== 'restore') throw new Error(`unexpected outcome ${outcome.kind}`);
    const { repository, digest, tags } = outcome;
    const named = tags.length > 0 ? ` as ${tags.join(', ')}` : ', without a tag: what it had are taken';
    process.stdout.write(`restored ${repository}@${digest}${named}\n`);
  }
}

/** `berth trash empty`. */
export async function emptyTrash(
  file: string | undefined,
  { olderThan }: { olderThan: string },
): Promise<void> {
  const { config } = await readConfig(file, process.env);
  const task = { kind: 'empty-trash', olderThan: parseAge('--older-than', olderThan) } as const;
  const outcome = await perform(config, task);
  if (outcome.kind !== 'empty-trash') throw new Error(`unexpected outcome ${outcome.kind}`);
  const { entries } = outcome;
  process.stdout.write(
    `gave up ${entries} ${entries === 1 ? 'entry' : 'entries'}; berth gc frees the space\n`,
  );
}

function table(entries: readonly TrashEntry[], keep: number): string {
  const rows = entries.map((entry) => [
    entry.id,
    entry.repository,
    entry.tags.join(',') || '-',
    entry.tagsOnly ? '-' : entry.digest,
    timeCell(entry.deletedAt),
    timeCell(new Date(entry.deletedAt.getTime() + keep)),
  ]);
  return textTable([['ID', 'REPOSITORY', 'TAGS', 'MANIFEST', 'DELETED', 'KEPT UNTIL'], ...rows]);
}
