import type { RootfsView } from '../../layer/index.js';
import type { CachedLayer, StepCache } from '../cache/step-cache.js';
import type { ImageState } from '../image-state.js';
import { builtLayer, chainOf } from '../layer.js';
import type { Layers } from '../layers.js';
import type { StepProgress } from '../progress.js';

/** What every step needs. */
export type StepParts = Readonly<{
  state: ImageState;
  layers: Layers;
  cache: StepCache;
  /** Whether results of earlier builds count. New ones are kept anyway. */
  useCache: boolean;
  /** The time for what a build makes out of nothing: SOURCE_DATE_EPOCH or now, in seconds. */
  epochSeconds: number;
  /** Whether that time was asked for: then it is a part of what is made. */
  hasEpoch: boolean;
  progress: StepProgress;
  signal: AbortSignal;
}>;

/** The root filesystem so far, as a part of keys. */
export function parentChain({ state }: StepParts): string {
  return chainOf(state.layers);
}

export function parentView({ state, layers }: StepParts): Promise<RootfsView> {
  return layers.view(state.layers);
}

/** @returns the layer of the first key that leads to one. */
export async function findCached(
  { cache, useCache }: StepParts,
  keys: readonly string[],
): Promise<CachedLayer | undefined> {
  if (!useCache) return undefined;
  for (const key of keys) {
    const found = await cache.find(key);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Puts a layer on top of the image, and says whether it is new. */
export function addLayer(
  parts: StepParts,
  layer: CachedLayer,
  createdBy: string,
  from: 'cache' | 'new',
): void {
  parts.state.addLayer(builtLayer(layer.diffID, layer.size), createdBy, layer.created);
  if (from === 'cache') parts.progress.cached();
}

/** The part of a key that says which times end up in the layer. */
export function timeKey({ hasEpoch, epochSeconds }: StepParts): number | null {
  return hasEpoch ? epochSeconds : null;
}
