import { layout } from '../../content/index.js';
import { findDigest } from '../../oci/index.js';
import type { Config } from '../../registry/config/index.js';
import { walkUploaders } from '../../registry/repositories/index.js';
import type { StorageDriver, StoragePath } from '../../storage/index.js';
import type { OpenStore } from '../open-store.js';
import { readableSize } from '../readable-size.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { Machine } from './machine.js';

const MAX_NAMED = 3;
const DAY_MS = 86_400_000;
/** Directories by how digests begin. Others may have names that no path of ours can have. */
const FAN_OUT = /^[0-9a-f]{2}$/;
/** As the reference's driver calls what it has not finished writing. */
const UNFINISHED = /\.[0-9a-f-]{36}\.tmp$/;

/** What lies in the storage and belongs to nothing. */
export const orphansCheck: Check<Machine> = {
  name: 'orphans',
  run: async ({ opened, loaded: { config } }) => {
    if (opened === undefined) return [];
    return [
      ...strangers(await Array.fromAsync(unknownPaths(opened.driver))),
      ...(await oldUploads(opened, config)),
      ...(await leftovers(opened.driver)),
      ...(opened.indexed ? await unlinkedBlobs(opened, config) : []),
    ];
  },
};

/** Where something lies that no registry has put there, as far as that can be told without reading everything. */
async function* unknownPaths(driver: StorageDriver): AsyncGenerator<StoragePath> {
  for await (const { name } of driver.list(layout.ROOT))
    if (!['blobs', 'repositories'].includes(name)) yield `${layout.ROOT}/${name}`;
  const blobs = `${layout.ROOT}/blobs`;
  for await (const { name } of driver.list(blobs)) if (name !== 'sha256') yield `${blobs}/${name}`;
  if (driver.walk) {
    for await (const { path } of driver.walk(layout.CANONICAL_BLOBS)) if (!isBlob(path)) yield path;
    return;
  }
  for await (const { name, directory } of driver.list(layout.CANONICAL_BLOBS)) {
    const folder = `${layout.CANONICAL_BLOBS}/${name}`;
    if (directory && FAN_OUT.test(name)) yield* unknownBelow(driver, folder);
    else yield folder;
  }
}

async function* unknownBelow(driver: StorageDriver, folder: StoragePath): AsyncGenerator<StoragePath> {
  for await (const { name, directory } of driver.list(folder)) {
    const path = `${folder}/${name}`;
    const digest = findDigest(`sha256:${name}`);
    if (!directory || digest === undefined || layout.blobDirectory(digest) !== path) yield path;
    else for await (const { name: file } of driver.list(path)) if (file !== 'data') yield `${path}/${file}`;
  }
}

function isBlob(path: StoragePath): boolean {
  const digest = findDigest(`sha256:${path.split('/').at(-2)}`);
  return digest !== undefined && path === layout.blobPath(digest);
}

function strangers(paths: readonly StoragePath[]): Diagnosis[] {
  const groups = Map.groupBy(paths, (path) => UNFINISHED.test(path));
  return [...groups].map(([unfinished, all]) => ({
    severity: unfinished ? ('warning' as const) : ('note' as const),
    found: `${counted(all.length, unfinished ? 'half-written file' : 'file or directory', unfinished ? 'half-written files' : 'files or directories')} among the blobs: ${named(all)}`,
    means: unfinished
      ? 'another registry was stopped while it wrote; they take space'
      : 'no registry has put them there; they take space',
    remedy: 'see what they are, and remove them',
  }));
}

async function oldUploads({ driver, uploads }: OpenStore, { storage }: Config): Promise<Diagnosis[]> {
  const { age, enabled } = storage.maintenance.uploadpurging;
  let [count, bytes] = [0, 0];
  for await (const repository of walkUploaders(driver))
    for await (const { activeAt, offset } of uploads.list(repository)) {
      if (Date.now() - activeAt.getTime() < age) continue;
      count += 1;
      bytes += offset;
    }
  if (count === 0) return [];
  return [
    {
      severity: enabled ? 'note' : 'warning',
      found: `${counted(count, 'upload was', 'uploads were')} given up (${readableSize(bytes)})`,
      means: enabled ? 'the registry removes them by itself while it runs' : 'nothing ever removes them',
      remedy: 'berth uploads purge --dry-run, then without it',
    },
  ];
}

async function leftovers(driver: StorageDriver): Promise<Diagnosis[]> {
  const all = await Array.fromAsync(driver.leftovers(new Date(Date.now() - DAY_MS)));
  if (all.length === 0) return [];
  const isBucket = driver.signedUrl !== undefined && driver.walk !== undefined;
  return [
    {
      severity: 'warning',
      found: `${counted(all.length, 'write')} of more than a day ago never ended: ${named(all)}`,
      means: isBucket
        ? 'the parts of multipart uploads are in no list of objects, and cost money'
        : 'they take space',
      remedy: 'berth uploads purge removes them; storage.maintenance.uploadpurging does so by itself',
    },
  ];
}

/** What `berth gc` frees. */
async function unlinkedBlobs({ store, driver }: OpenStore, { berth }: Config): Promise<Diagnosis[]> {
  const before = Date.now() - berth.gc.grace;
  let [count, bytes] = [0, 0];
  for await (const digests of store.blobs.list())
    for (const digest of await store.index.unlinked(digests)) {
      const info = await driver.stat(layout.blobPath(digest));
      if (info === undefined || info.changedAt.getTime() >= before) continue;
      count += 1;
      bytes += info.size;
    }
  if (count === 0) return [];
  return [
    {
      severity: 'note',
      found: `nothing leads to ${counted(count, 'blob')} (${readableSize(bytes)})`,
      means: 'they take space that others could use',
      remedy: 'berth gc --dry-run, then without it; or by itself: berth.gc.enabled',
    },
  ];
}

function named(paths: readonly string[]): string {
  const more = paths.length > MAX_NAMED ? ` and ${paths.length - MAX_NAMED} more` : '';
  return paths.slice(0, MAX_NAMED).join(', ') + more;
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
