import { layout } from '../../content/index.js';
import { type Digest, findDigest, findTag, type RepositoryName } from '../../oci/index.js';
import type { StorageDriver, StoragePath } from '../../storage/index.js';
import { mapSideBySide } from '../side-by-side.js';
import type { RepositoryStore } from './store.js';

/** That a tag once named a manifest: a link that only the reference registry reads, to remove it. */
type Entry = Readonly<{ path: StoragePath; digest: Digest }>;

/** The index answers for what most of so many named in a moment. */
const TAGS_AT_ONCE = 200;

/**
 * Forgets that tags named manifests that are gone, as the reference's collector does: nothing else ever would.
 * @param options `before`: what is younger may belong to a push that is under way. `pace` says when a
 *   batch is removed, and how many that is.
 * @returns how many entries are gone, or would be.
 */
export async function removeStaleHistory(
  store: RepositoryStore,
  repository: RepositoryName,
  options: Readonly<{
    before: Date;
    dryRun: boolean;
    pace: Readonly<{ batch: number; run<T>(batch: () => Promise<T>): Promise<T> }>;
    signal?: AbortSignal | undefined;
  }>,
): Promise<number> {
  const found: Entry[] = [];
  for await (const entries of entriesOf(store.driver, repository))
    found.push(...(await withoutManifest(store, repository, entries)));
  let removed = 0;
  while (found.length > 0 && !options.signal?.aborted) {
    const batch = found.splice(0, options.pace.batch);
    removed += await options.pace.run(() =>
      store.locks.forDelete(repository, (lost) => removeSome(store, repository, batch, { ...options, lost })),
    );
  }
  return removed;
}

/** Under a lock. */
async function removeSome(
  store: RepositoryStore,
  repository: RepositoryName,
  entries: readonly Entry[],
  { before, dryRun, lost }: Readonly<{ before: Date; dryRun: boolean; lost: AbortSignal }>,
): Promise<number> {
  const { driver } = store;
  const stale = await withoutManifest(store, repository, entries);
  if (dryRun) {
    const infos = await mapSideBySide(stale, ({ path }) => driver.stat(path));
    return infos.filter(({ changedAt }) => changedAt < before).length;
  }
  lost.throwIfAborted();
  const paths = stale.map(({ path }) => path);
  const sizes = await driver.deleteFiles(paths, { changedBefore: before });
  return sizes.filter((size) => size !== undefined).length;
}

async function withoutManifest(
  { index }: RepositoryStore,
  repository: RepositoryName,
  entries: readonly Entry[],
): Promise<Entry[]> {
  if (entries.length === 0) return [];
  const missing = await index.missing(repository, [...new Set(entries.map(({ digest }) => digest))]);
  const gone = new Set(missing);
  return entries.filter(({ digest }) => gone.has(digest));
}

/** All entries of each tag. */
async function* entriesOf(
  driver: StorageDriver,
  repository: RepositoryName,
): AsyncGenerator<readonly Entry[]> {
  if (driver.walk) {
    for await (const { path } of driver.walk(layout.tagsPath(repository))) yield entryAt(path);
    return;
  }
  const [names = []] = await listEach(driver, [layout.tagsPath(repository)]);
  const histories = names.flatMap((name) => {
    const tag = findTag(name);
    return tag ? [layout.tagHistoryPath(repository, tag)] : [];
  });
  for (let at = 0; at < histories.length; at += TAGS_AT_ONCE) {
    const algorithms = await below(driver, histories.slice(at, at + TAGS_AT_ONCE));
    const entries = await below(driver, algorithms);
    yield entries.flatMap((entry) => entryAt(`${entry}/link`));
  }
}

/** What other programs put beside it can have any name. */
const NAME = /^[\w.-]+$/;

/** Paths of all that is below directories. */
async function below(driver: StorageDriver, folders: readonly StoragePath[]): Promise<StoragePath[]> {
  const names = await listEach(driver, folders);
  return folders.flatMap((folder, i) =>
    (names[i] ?? []).filter((name) => NAME.test(name)).map((name) => `${folder}/${name}`),
  );
}

async function listEach(
  driver: StorageDriver,
  folders: readonly StoragePath[],
): Promise<readonly (readonly string[])[]> {
  if (driver.listAll) return driver.listAll(folders);
  return mapSideBySide(folders, (folder) => Array.fromAsync(driver.list(folder), ({ name }) => name));
}

function entryAt(link: StoragePath): Entry[] {
  const [, algorithm, encoded] = /\/index\/([^/]+)\/([^/]+)\/link$/.exec(link) ?? [];
  // A tag's own link is no entry.
  const digest = algorithm === undefined ? undefined : findDigest(`${algorithm}:${encoded}`);
  return digest ? [{ path: link, digest }] : [];
}
