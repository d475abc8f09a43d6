import type { CacheRecord } from '../../builder/index.js';
import { listImages } from '../../image/index.js';
import { type Handler, sendJson } from '../call.js';
import { listedContainerJson } from '../containers/container-json.js';
import { LayerSizes, listedImageJson } from '../images/listed-image.js';

const PARTS = {
  image: 'Images',
  container: 'Containers',
  volume: 'Volumes',
  'build-cache': 'BuildCache',
} as const;

/** `docker system df`: all of it, or with `type` only some. */
export const diskUsage: Handler = async (engine, { query, answer, version }) => {
  using opened = await engine.containers.open();
  const containers = await opened.host.list();
  using store = engine.openStore();
  const wanted = query.getAll('type');
  const listed = listImages(store);
  const sizes = new LayerSizes(store, listed);
  const images = listed.map((image) =>
    listedImageJson(store, image, {
      version,
      names: image.record.names,
      sharedSize: sizes.shared(image),
      containers: containers.filter(({ image: { id } }) => id === image.record.id).length,
    }),
  );
  const found = {
    Images: images,
    Containers: containers.map((record) =>
      listedContainerJson(
        record,
        opened.host.networks,
        engine.containers.statusText(record.state, Date.now()),
      ),
    ),
    Volumes: [],
    BuildCache: engine.builder.cache().map(cacheRecordJson),
  };
  const shown = (Object.keys(PARTS) as (keyof typeof PARTS)[]).map((type) => {
    const member = PARTS[type];
    return [member, wanted.length === 0 || wanted.includes(type) ? found[member] : null];
  });
  sendJson(answer, { LayersSize: sizes.total, ...Object.fromEntries(shown) });
};

function cacheRecordJson({
  kind,
  id,
  sizeBytes,
  description,
  madeAt,
  usedAt,
  uses,
  isShared,
}: CacheRecord): object {
  return {
    ID: id,
    Type: kind === 'mount' ? 'exec.cachemount' : 'regular',
    Description: description,
    InUse: false,
    Shared: isShared,
    Size: sizeBytes,
    CreatedAt: new Date(madeAt).toISOString(),
    LastUsedAt: new Date(usedAt).toISOString(),
    UsageCount: uses,
  };
}
