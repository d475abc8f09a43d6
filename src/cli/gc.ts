import type { Collection, Removal } from '../registry/gc/index.js';
import { readConfig } from './config.js';
import { parseAge } from './duration-option.js';
import { perform } from './maintenance.js';
import { readableSize } from './readable-size.js';

export type CollectFlags = Readonly<{
  config?: string;
  dryRun?: boolean;
  untagged?: boolean;
  grace?: string;
  json?: boolean;
}>;

/** `berth gc`. What is not said on the command line is as the configuration has it. */
export async function collectGarbage(flags: CollectFlags): Promise<void> {
  const { config } = await readConfig(flags.config, process.env);
  const { dryRun = false, untagged = config.berth.gc.untagged } = flags;
  const grace = flags.grace === undefined ? config.berth.gc.grace : parseAge('--grace', flags.grace);
  const listed = dryRun || flags.json === true;
  const outcome = await perform(config, { kind: 'collect', dryRun, untagged, grace, listed });
  if (outcome.kind !== 'collect') throw new Error(`unexpected outcome ${outcome.kind}`);
  if (flags.json) {
    const { kind: _, ...result } = outcome;
    process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    return;
  }
  if (dryRun) {
    for (const removal of outcome.removals) process.stdout.write(`${line(removal)}\n`);
    if (outcome.omitted > 0) process.stdout.write(`and ${outcome.omitted} more\n`);
  }
  for (const path of outcome.collection.skipped) {
    process.stderr.write(`berth: ${path} says nothing: what it may have led to stays as it is\n`);
  }
  process.stdout.write(`${summary(outcome.collection, dryRun)}\n`);
}

function line(removal: Removal): string {
  if (removal.kind === 'blob') return `blob ${removal.digest} ${readableSize(removal.bytes)}`;
  if (removal.kind === 'tag')
    return `tag ${removal.repository}:${removal.tag} (berth.retention[${removal.rule}])`;
  return `${removal.kind} ${removal.repository}@${removal.digest}`;
}

function summary({ tags, manifests, links, history, blobs, bytes }: Collection, dryRun: boolean): string {
  const counts = [
    ...(tags > 0 ? [counted(tags, 'tag')] : []),
    counted(manifests, 'manifest'),
    counted(links, 'link', 'links to blobs'),
    ...(history > 0 ? [counted(history, 'entry', 'entries of tag histories')] : []),
    counted(blobs, 'blob'),
  ];
  return `${dryRun ? 'would remove' : 'removed'} ${counts.join(', ')}: ${readableSize(bytes)}`;
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
