import { type Entry, readTar } from '../../layer/index.js';
import { keyOf } from '../cache/key.js';
import type { StepCache } from '../cache/step-cache.js';
import { builtLayer, type Layer } from '../layer.js';
import type { Layers } from '../layers.js';

/** `clamp`: files that are newer get the time. `set`: all get it. In seconds. */
export type FileTimes = Readonly<{ seconds: number; mode: 'clamp' | 'set' }>;

type Parts = Readonly<{ layers: Layers; cache: StepCache; signal: AbortSignal }>;

/** The same layers with other times of files. Those of base images stay as they are. */
export async function rewriteTimes(
  stack: readonly Layer[],
  times: FileTimes,
  parts: Parts,
): Promise<Layer[]> {
  const rewritten: Layer[] = [];
  for (const layer of stack) rewritten.push(layer.isBase ? layer : await rewriteLayer(layer, times, parts));
  return rewritten;
}

async function rewriteLayer(
  layer: Layer,
  times: FileTimes,
  { layers, cache, signal }: Parts,
): Promise<Layer> {
  const key = keyOf('times', layer.diffID, times.seconds, times.mode);
  const known = cache.findRewritten(key);
  if (known !== undefined) return builtLayer(known.diffID, known.size);
  using writer = layers.createWriter();
  for await (const { entry, content } of readTar(layers.open(layer))) {
    signal.throwIfAborted();
    await writer.addFrom(withTime(entry, times), content);
  }
  const { diffID, size, index } = await writer.finish();
  layers.keep(writer.path, { diffID, size, index });
  cache.putRewritten(key, { diffID, size });
  return builtLayer(diffID, size);
}

function withTime(entry: Entry, { seconds, mode }: FileTimes): Entry {
  return mode === 'clamp' && entry.mtime <= seconds ? entry : { ...entry, mtime: seconds };
}
