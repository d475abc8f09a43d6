import { chainIDs, formatReference, type Platform, parseReference, shortReference } from '../oci/index.js';
import { shortRepository } from './docker-inspect.js';
import { ImageConflictError } from './errors.js';
import type { ImageRecord } from './image-records.js';
import type { LocalStore } from './local-store.js';
import { removePlatforms } from './remove-platforms.js';

/** What went: a name, short as docker shows it, or an image or a part of one by its id. */
export type RemovedPart = Readonly<{ untagged: string }> | Readonly<{ deleted: string }>;

type RemoveOptions = Readonly<{ force?: boolean; platforms?: readonly Platform[] }>;

/**
 * Takes a name away, and the image with its last name, as docker does.
 * @param text a name, a digest, or the beginning of an id.
 * @returns in docker's order: names, then images, then chainIDs of layers that nothing else has, top first.
 * @throws {ImageNotFoundError} @throws {ImageConflictError} an id with names in several repositories.
 */
export function removeImage(store: LocalStore, text: string, options: RemoveOptions = {}): RemovedPart[] {
  const { force = false, platforms = [] } = options;
  const found = store.get(text);
  if (platforms.length > 0) {
    const { gone, isLast } = removePlatforms(store, found, platforms);
    if (!isLast) return gone.map((deleted) => ({ deleted }));
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

function untag(store: LocalStore, record: ImageRecord, name: string): RemovedPart[] {
  store.untag(name);
  const parts = [{ untagged: short(name) }];
  const repository = name.replace(/:[^:/]*$/, '');
  const rest = store.sameId(record.id);
  if (rest.some(({ names }) => names.some((other) => other.startsWith(`${repository}:`)))) return parts;
  for (const { descriptor, repoDigests } of rest) {
    const own = repoDigests.filter((text) => text.startsWith(`${repository}@`));
    store.removeRepoDigests(descriptor.digest, repository);
    parts.push(...own.map((text) => ({ untagged: short(text) })));
  }
  return parts;
}

function removeAll(store: LocalStore, records: readonly ImageRecord[]): RemovedPart[] {
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
    ...untagged.map((name) => ({ untagged: short(name) })),
    ...[...deleted, ...gone].map((id) => ({ deleted: id })),
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
