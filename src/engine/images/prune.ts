import { pruneImages } from '../../image/index.js';
import { imagesInUse } from '../../runtime/container/index.js';
import { type Handler, sendJson } from '../call.js';
import { filtersOf } from '../query.js';
import { removedJson } from './image-events.js';

/** `docker image prune`: images without a name, or with `dangling=false` all; not those that containers are made of. */
export const imagePrune: Handler = (engine, { query, answer }) => {
  using store = engine.openStore();
  const given = filtersOf(query, ['dangling', 'label', 'label!', 'until']);
  const all = (given.get('dangling') ?? []).some((value) => ['false', '0'].includes(value));
  const filters = ['label', 'label!', 'until'].flatMap((key) =>
    (given.get(key) ?? []).map((value) => `${key}=${value}`),
  );
  const { parts, reclaimedBytes } = pruneImages(store, {
    all,
    filters,
    users: imagesInUse(store.root),
  });
  for (const part of parts) {
    if ('deleted' in part)
      engine.events.post({
        type: 'image',
        action: 'delete',
        id: part.deleted,
        attributes: { name: part.deleted },
      });
  }
  engine.events.post({
    type: 'image',
    action: 'prune',
    id: '',
    attributes: { reclaimed: String(reclaimedBytes) },
  });
  sendJson(answer, {
    ImagesDeleted: parts.length === 0 ? null : parts.map(removedJson),
    SpaceReclaimed: reclaimedBytes,
  });
};
