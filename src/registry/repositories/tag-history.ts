import { layout } from '../../content/index.js';
import { type Digest, findDigest, findTag, type RepositoryName } from '../../oci/index.js';
import type { StorageDriver, StoragePath } from '../../storage/index.js';
import { mapSideBySide } from '../side-by-side.js';
import type { RepositoryStore } from './store.js';

/** That a tag once named a manifest: a link that only the reference registry reads, to remove it. */
type Entry = Readonly<{ path: StoragePath; digest: Digest }>;

/** The index answers for so many in a moment. */
const AT_ONCE = 500;

/**
 * Forgets that tags named manifests that are gone, as the reference's collector does: nothing else ever would.
 * @param options `before`: what is younger may belong to a push that is under way. `limit` at most are removed under one lock;
 *   `pace` says when.
 * @returns how many entries are gone, or would be.
 */
export async function removeStaleHistory(
  store: RepositoryStore,
  repository: RepositoryName,
  options: Readonly<{
    before: Date;
    limit: number;
    dryRun: boolean;
    pace: Readonly<{ run<T>(batch: () => Promise<T>): Promise<T> }>;
    signal?: AbortSignal | undefined;
  }>,
): Promise<number> {
  const found: Entry[] = [];
  for await (const entries of entriesOf(store.driver, repository))
    found.push(...(await withoutManifest(store, repository, entries)));
  let removed = 0;
  for (let at = 0; at < found.length && !options.signal?.aborted; at += options.limit) {
    const batch = found.slice(at, at + options.limit);
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
  if (driver.gather) {
    const files = await driver.gather([layout.tagsPath(repository)], { readUpTo: 0 });
    const entries = files.flatMap(({ path }) => entryAt(path));
    for (let at = 0; at < entries.length; at += AT_ONCE) yield entries.slice(at, at + AT_ONCE);
    return;
  }
  for await (const { name } of driver.list(layout.tagsPath(repository))) {
    const tag = findTag(name);
    if (tag === undefined) continue;
    const history = layout.tagHistoryPath(repository, tag);
    for await (const { name: algorithm } of driver.list(history)) {
      const names = await Array.fromAsync(driver.list(`${history}/${algorithm}`), (entry) => entry.name);
      yield names.flatMap((encoded) => entryAt(`${history}/${algorithm}/${encoded}/link`));
    }
  }
}

function entryAt(link: StoragePath): Entry[] {
  const [, algorithm, encoded] = /\/index\/([^/]+)\/([^/]+)\/link$/.exec(link) ?? [];
  // A tag's own link is no entry.
  const digest = algorithm === undefined ? undefined : findDigest(`${algorithm}:${encoded}`);
  return digest ? [{ path: link, digest }] : [];
}
