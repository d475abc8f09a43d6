import { createInterface } from 'node:readline/promises';
import { ImageNotFoundError } from '../content/index.js';
import {
  ImageConflictError,
  type ImageRecord,
  type LocalStore,
  removePlatforms,
  shortRepository,
} from '../image/index.js';
import { chainIDs, formatReference, parseReference, shortReference } from '../oci/index.js';
import { UsageError } from './failure.js';
import { parseFilters } from './image-filters.js';
import { readImages } from './image-list.js';
import { openLocalStore, type StoreFlags } from './image-store.js';
import { humanSize } from './image-units.js';
import { parsedPlatform } from './transfer-choices.js';

export type RemoveFlags = StoreFlags &
  Readonly<{ force?: boolean; prune?: boolean; platform?: readonly string[] }>;

/** `berth tag`. */
export async function tag(source: string, targets: readonly string[], flags: StoreFlags): Promise<void> {
  using store = await openLocalStore(flags);
  const names = targets.map((target) => {
    const reference = parseReference(target);
    if ('tag' in reference.key) return formatReference(reference);
    throw new UsageError(`${target} is no name for an image: a tag is needed, not a digest`);
  });
  store.tagMany(store.get(source).descriptor, names);
}

/** `berth rmi`: takes names away, and images with their last name. Says what docker says. */
export async function removeImages(names: readonly string[], flags: RemoveFlags): Promise<void> {
  using store = await openLocalStore(flags);
  const failures: string[] = [];
  for (const name of names) {
    try {
      process.stdout.write(
        removeOne(store, name, flags)
          .map((line) => `${line}\n`)
          .join(''),
      );
    } catch (error) {
      if (flags.force !== true || !(error instanceof ImageNotFoundError))
        failures.push((error as Error).message);
    }
  }
  if (failures.length > 0) throw new Error(failures.join('; '));
}

function removeOne(store: LocalStore, text: string, { force = false, platform }: RemoveFlags): string[] {
  const found = store.get(text);
  if (platform !== undefined && platform.length > 0) {
    const { gone, isLast } = removePlatforms(store, found, platform.map(parsedPlatform));
    if (!isLast) return gone.map((digest) => `Deleted: ${digest}`);
  }
  const records = store.sameId(found.id);
  const allNames = records.flatMap((record) => record.names);
  const name = nameOf(text, allNames);
  if (name !== undefined && allNames.length > 1) return untag(store, found, name);
  const repositories = new Set(allNames.map(shortRepository));
  if (name === undefined && repositories.size > 1 && !force) {
    throw new ImageConflictError(
      `cannot remove ${text}: it has names in several repositories (${allNames.map(short).join(', ')}); use --force or remove these`,
    );
  }
  return removeAll(store, records);
}

/** The whole name that was typed, if it was one. */
function nameOf(text: string, names: readonly string[]): string | undefined {
  try {
    const name = formatReference(parseReference(text));
    return names.includes(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

function untag(store: LocalStore, record: ImageRecord, name: string): string[] {
  store.untag(name);
  const lines = [`Untagged: ${short(name)}`];
  const repository = name.replace(/:[^:/]*$/, '');
  const rest = store.sameId(record.id);
  if (rest.some(({ names }) => names.some((other) => other.startsWith(`${repository}:`)))) return lines;
  for (const { descriptor, repoDigests } of rest) {
    const own = repoDigests.filter((text) => text.startsWith(`${repository}@`));
    store.removeRepoDigests(descriptor.digest, repository);
    lines.push(...own.map((text) => `Untagged: ${short(text)}`));
  }
  return lines;
}

function removeAll(store: LocalStore, records: readonly ImageRecord[]): string[] {
  const layers = records.flatMap((record) => layersOf(store, record));
  const untagged: string[] = [];
  const deleted: string[] = [];
  for (const record of records) {
    const removed = store.remove(record);
    untagged.push(...removed.untagged);
    deleted.push(...removed.deleted);
  }
  const kept = new Set(store.images().flatMap((record) => layersOf(store, record)));
  const gone = [...new Set(layers)].filter((layer) => !kept.has(layer)).reverse();
  return [
    ...untagged.map((name) => `Untagged: ${short(name)}`),
    ...[...deleted, ...gone].map((id) => `Deleted: ${id}`),
  ];
}

function layersOf(store: LocalStore, { descriptor }: ImageRecord): string[] {
  try {
    return chainIDs(store.image(descriptor).config.rootfs.diff_ids);
  } catch {
    return [];
  }
}

function short(name: string): string {
  return shortReference(parseReference(name));
}

export type PruneFlags = StoreFlags &
  Readonly<{ all?: boolean; force?: boolean; filter?: readonly string[] }>;

/** `berth image prune`: images without a name, or all; and content that nothing needs. */
export async function pruneImages(flags: PruneFlags): Promise<void> {
  const { all = false, force = false } = flags;
  const what = all ? 'all images' : 'all images without a name';
  if (!force && !(await confirmed(`This removes ${what}. Continue? [y/N] `))) return;
  using store = await openLocalStore(flags);
  const listed = readImages(store);
  const filters = parseFilters(flags.filter ?? []).map((filter) => filter(listed));
  const victims = listed.filter(
    (image) =>
      (all || image.record.names.length === 0) &&
      filters.every((accepts) => accepts(image, image.record.names[0])),
  );
  let reclaimed = 0;
  if (victims.length > 0) process.stdout.write('Deleted Images:\n');
  for (const { record } of victims) {
    const removed = store.remove(record);
    reclaimed += removed.reclaimedBytes;
    for (const name of removed.untagged) process.stdout.write(`untagged: ${short(name)}\n`);
    for (const id of removed.deleted) process.stdout.write(`deleted: ${id}\n`);
  }
  reclaimed += store.prune().reclaimedBytes;
  process.stdout.write(`${victims.length > 0 ? '\n' : ''}Total reclaimed space: ${humanSize(reclaimed)}\n`);
}

async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error('nobody can be asked here: use --force');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
