import { keyOf } from '../cache/key.js';
import { LayerPlan } from '../copy/layer-plan.js';
import { parseOwner } from '../copy/users.js';
import { addLayer, findCached, parentChain, parentView, type StepParts, timeKey } from './step-parts.js';

/**
 * WORKDIR: a layer with the directory, which belongs to the user of the stage; an empty one when it is there already,
 * none for the root.
 * @param path absolute and clean.
 */
export async function workdirStep(parts: StepParts, path: string): Promise<void> {
  const { state } = parts;
  state.setWorkdir(path);
  const text = `WORKDIR ${path}`;
  if (path === '/') {
    state.noteWithoutLayer(text);
    return;
  }
  const key = keyOf('workdir', parentChain(parts), path, state.user, timeKey(parts));
  const cached = await findCached(parts, [key]);
  if (cached !== undefined) return addLayer(parts, cached, text, 'cache');
  const layer = await makeLayer(parts, path);
  parts.cache.put(layer, { keys: [key], description: text });
  addLayer(parts, layer, text, 'new');
}

async function makeLayer(parts: StepParts, path: string) {
  const { state, layers, epochSeconds } = parts;
  const view = await parentView(parts);
  const owner = await parseOwner(state.user || '0:0', () => parentView(parts));
  const plan = new LayerPlan(view);
  plan.makeDirectory(plan.resolve(path), { ...owner, mtime: epochSeconds });
  using writer = layers.createWriter();
  await plan.write(writer);
  const finished = await writer.finish();
  layers.keep(writer.path, finished);
  return { diffID: finished.diffID, size: finished.size, created: new Date().toISOString() };
}
