import { Pace, RootfsView } from '../../layer/index.js';
import { keyOf } from '../cache/key.js';
import type { CachedLayer } from '../cache/step-cache.js';
import type { SourceEntry, SourceTree } from '../context/source-tree.js';
import { EarlierLayer } from '../copy/earlier-layer.js';
import { type Content, LayerPlan } from '../copy/layer-plan.js';
import { type Excluding, hashListing, type Listed, listSource } from '../copy/listing.js';
import { place } from '../copy/place.js';
import { pickSources, pickWithParents } from '../copy/sources.js';
import { unpackInto } from '../copy/unpack.js';
import { hasNames, parseOwner } from '../copy/users.js';
import { parseChmod } from '../dockerfile/index.js';
import { addLayer, findCached, parentChain, parentView, type StepParts, timeKey } from './step-parts.js';

/** A source of COPY or ADD, with the tree that it is in: opened only when the source has to be looked at. */
export type CopySource = Readonly<{ open: () => Promise<SourceTree>; path: string }>;

export type CopyRequest = Readonly<{
  verb: 'COPY' | 'ADD';
  sources: readonly CopySource[];
  /** What names the trees of all sources, where they are images: then they need no look to be known. */
  sourceChain?: string;
  /** Absolute; a slash at the end means a directory. */
  destination: string;
  chown?: string;
  chmod?: string;
  link: boolean;
  parents: boolean;
  exclude?: Excluding;
  /** What made {@link exclude}, for keys. */
  excludePatterns: readonly string[];
  /** Files that come from elsewhere keep their owners; what a person copies belongs to root. */
  ownership: 'root' | 'keep';
  /** Whether archives are unpacked: those that are sources themselves. */
  unpack: boolean;
  /** For the history. */
  text: string;
}>;

/**
 * COPY and ADD: a layer straight from the sources, each file read once. Where a result may be known, files whose
 * digest is not are read for it first.
 */
export async function copyStep(parts: StepParts, request: CopyRequest): Promise<void> {
  const definition = await definitionOf(parts, request);
  const quickKey =
    request.sourceChain === undefined ? undefined : keyOf('copy-from', definition, request.sourceChain);
  const quick = quickKey === undefined ? undefined : await findCached(parts, [quickKey]);
  if (quick !== undefined) return addLayer(parts, quick, request.text, 'cache');

  const listing = await listAll(request);
  const { ownership } = request;
  const shape = keyOf('copy-shape', definition, hashListing(listing, { ownership, top: 'merged' }));
  const quickKeys = quickKey === undefined ? [] : [quickKey];
  if (parts.useCache && parts.cache.hasShape(shape)) {
    const digests = await readDigests(listing, parts.signal);
    const key = contentKey(definition, listing, ownership, digests);
    const cached = await findCached(parts, [key]);
    if (cached !== undefined) {
      if (quickKeys.length > 0) parts.cache.put(cached, { keys: quickKeys, description: request.text });
      return addLayer(parts, cached, request.text, 'cache');
    }
  }
  const latestKey = keyOf('copy-latest', definition);
  const earlier = parts.useCache ? parts.cache.findLatest(latestKey) : undefined;
  const { layer, digests } = await makeLayer(parts, request, { listing, earlier });
  const key = contentKey(definition, listing, ownership, await readDigests(listing, parts.signal, digests));
  parts.cache.put(layer, { keys: [key, ...quickKeys], latestKey, shape, description: request.text });
  addLayer(parts, layer, request.text, 'new');
}

/** From so many on, the layer that they were in before is looked into for what did not change. */
const MANY_FILES = 100;

/** All but what the sources hold. A linked layer does not depend on what is below it. */
async function definitionOf(parts: StepParts, request: CopyRequest): Promise<string> {
  const { chown, link } = request;
  const owner =
    link && chown !== undefined && hasNames(chown) ? await parseOwner(chown, () => parentView(parts)) : chown;
  return keyOf(
    request.verb,
    link ? 'link' : parentChain(parts),
    request.sources.map(({ path }) => path),
    request.destination,
    owner ?? null,
    request.chmod ?? null,
    request.parents,
    request.excludePatterns,
    request.unpack,
    timeKey(parts),
  );
}

async function listAll({ sources, parents, exclude }: CopyRequest): Promise<Listed[]> {
  const listing: Listed[] = [];
  for (const { open, path } of sources) {
    const tree = await open();
    const picked = parents ? pickWithParents(tree, path) : pickSources(tree, path);
    for (const one of picked) listing.push(await listSource(one, exclude));
  }
  return listing;
}

/** Digests of the files of a listing. */
type Digests = Map<SourceEntry, string>;

function contentKey(
  definition: string,
  listing: readonly Listed[],
  ownership: 'root' | 'keep',
  digests: Digests,
): string {
  const digestOf = (file: SourceEntry) => digests.get(file) ?? '';
  return keyOf('copy', definition, hashListing(listing, { ownership, top: 'merged', digestOf }));
}

async function readDigests(
  listing: readonly Listed[],
  signal: AbortSignal,
  known: Digests = new Map(),
): Promise<Digests> {
  const pace = new Pace();
  for (const { picked, items } of listing) {
    for (const { entry } of items) {
      if (entry.type !== 'file' || known.has(entry)) continue;
      known.set(entry, picked.tree.knownDigest(entry) ?? (await picked.tree.digest(entry)));
      if (!pace.isDue()) continue;
      await pace.breathe();
      signal.throwIfAborted();
    }
  }
  return known;
}

async function makeLayer(
  parts: StepParts,
  request: CopyRequest,
  { listing, earlier }: Readonly<{ listing: readonly Listed[]; earlier: CachedLayer | undefined }>,
): Promise<{ layer: CachedLayer; digests: Digests }> {
  const { layers, epochSeconds } = parts;
  const view = request.link ? RootfsView.of([]) : await parentView(parts);
  const plan = new LayerPlan(view);
  const changeMode = request.chmod === undefined ? undefined : parseChmod(request.chmod);
  const owner =
    request.chown === undefined
      ? request.ownership === 'root'
        ? { uid: 0, gid: 0 }
        : undefined
      : await parseOwner(request.chown, () => parentView(parts));
  const placement = {
    destination: request.destination,
    ...(owner && { owner }),
    ...(changeMode && { changeMode }),
    mtime: parts.hasEpoch ? epochSeconds : newestTime(listing, epochSeconds),
  };
  await using unpacked = await unpackInto(plan, listing, {
    ...placement,
    isOn: request.unpack,
    chown: request.chown !== undefined,
    temporaryPath: () => layers.temporaryPath(),
  });
  place(plan, unpacked.rest, placement);
  using writer = layers.createWriter();
  const before = earlier && plan.size >= MANY_FILES ? layers.find(earlier.diffID) : undefined;
  using open = before && EarlierLayer.open(before);
  const digests: Digests = new Map();
  const onDigest = ({ file }: Content, digest: string) => digests.set(file, digest);
  await plan.write(writer, { onDigest, ...(open && { earlier: open }) });
  const { diffID, size, index } = await writer.finish();
  parts.signal.throwIfAborted();
  layers.keep(writer.path, { diffID, size, index });
  return { layer: { diffID, size, created: new Date().toISOString() }, digests };
}

/** Directories that COPY makes are as new as what is put into them, so that equal sources make equal layers. */
function newestTime(listing: readonly Listed[], otherwise: number): number {
  let newest: number | undefined;
  for (const { items } of listing) {
    for (const { entry } of items) newest = Math.max(newest ?? entry.mtime, entry.mtime);
  }
  return newest ?? otherwise;
}
