import {
  chainIDs,
  type Digest,
  formatReference,
  type Platform,
  parseReference,
  shortReference,
} from '../oci/index.js';
import { shortRepository } from './docker-inspect.js';
import { ImageConflictError } from './errors.js';
import type { ImageRecord } from './image-records.js';
import type { LocalStore } from './local-store.js';
import { removePlatforms } from './remove-platforms.js';

/** What went: a name, short as docker shows it, or an image or a part of one by its id. */
export type RemovedPart = Readonly<{ untagged: string }> | Readonly<{ deleted: string }>;

/** A container that was made of an image. */
export type ImageUser = Readonly<{ id: Digest; container: string; isRunning: boolean }>;

type RemoveOptions = Readonly<{
  force?: boolean;
  platforms?: readonly Platform[];
  /** All containers of this machine. */
  users: readonly ImageUser[];
}>;

/**
 * Takes a name away, and the image with its last name, as docker does: by force also the last name of an image that a
 * container runs on, which then stays without one.
 * @param text a name, a digest, or the beginning of an id.
 * @returns in docker's order: names, then images, then chainIDs of layers that nothing else has, top first.
 * @throws {ImageNotFoundError} @throws {ImageConflictError} an id with names in several repositories, or a container
 * needs it.
 */
export function removeImage(store: LocalStore, text: string, options: RemoveOptions): RemovedPart[] {
  const { force = false, platforms = [], users } = options;
  const found = store.get(text);
  if (platforms.length > 0) {
    const { gone, isLast } = removePlatforms(store, found, platforms);
    if (!isLast) return gone.map((deleted) => ({ deleted }));
  }
  const records = store.sameId(found.id);
  const allNames = records.flatMap((record) => record.names);
  const name = nameOf(text, allNames);
  const isTaken = force && users.some(({ id, isRunning }) => id === found.id && isRunning);
  if (name !== undefined && (allNames.length > 1 || isTaken)) return untag(store, found, name);
  expectUnused(found.id, text, { users, force });
  const repositories = new Set(allNames.map(shortRepository));
  if (name === undefined && repositories.size > 1 && !force) {
    throw new ImageConflictError(
      `cannot remove ${text}: it has names in several repositories (${allNames.map(short).join(', ')}); use --force or remove these`,
    );
  }
  return removeAll(store, records);
}

/** As docker: what a container was made of goes by force alone, and not while that runs. */
function expectUnused(
  id: Digest,
  text: string,
  { users, force }: Readonly<{ users: readonly ImageUser[]; force: boolean }>,
): void {
  const own = users.filter((user) => user.id === id);
  const user = own.find(({ isRunning }) => isRunning) ?? own[0];
  if (user === undefined || (force && !user.isRunning)) return;
  const [why, does] = user.isRunning ? ['cannot be forced', 'is running on'] : ['must force', 'is using'];
  throw new ImageConflictError(
    `conflict: unable to remove ${text} (${why}): container ${user.container.slice(0, 12)} ${does} its image`,
  );
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
