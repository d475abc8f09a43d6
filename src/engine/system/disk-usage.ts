import type { CacheRecord } from '../../builder/index.js';
import { type ListedImage, type LocalStore, listImages } from '../../image/index.js';
import type { ContainerHost, ContainerRecord } from '../../runtime/container/index.js';
import { inspectVolume, treeBytes } from '../../runtime/volumes/index.js';
import { type Handler, sendJson } from '../call.js';
import { listedContainerJson } from '../containers/container-json.js';
import { sizesOf } from '../containers/sizes.js';
import type { EngineParts } from '../engine.js';
import { LayerSizes, listedImageJson } from '../images/listed-image.js';
import { API_VERSION, minorOf } from '../request.js';

type Asked = Readonly<{
  engine: EngineParts;
  host: ContainerHost;
  store: LocalStore;
  containers: readonly ContainerRecord[];
  listed: readonly ListedImage[];
  sizes: LayerSizes;
  version: number;
}>;

export type DiskUsageJson = Awaited<ReturnType<typeof diskUsageJson>>;

/** `docker system df`: all of it, or with `type` only some. */
export const diskUsage: Handler = async (engine, { query, answer, version }) =>
  sendJson(answer, await diskUsageJson(engine, { wanted: query.getAll('type'), version }));

/**
 * What takes space: Engine API, GET /system/df.
 * @param options `wanted`: all if there are none; else the others are null. `version`: of the API, its minor number, ours if
 * not said.
 */
export async function diskUsageJson(
  engine: EngineParts,
  { wanted = [], version = minorOf(API_VERSION) }: Readonly<{ wanted?: readonly string[]; version?: number }>,
) {
  const { host } = engine.containers;
  using store = engine.openStore();
  const listed = listImages(store);
  const sizes = new LayerSizes(store, listed);
  const asked = { engine, host, store, containers: await host.list(), listed, sizes, version };
  const isWanted = (type: string) => wanted.length === 0 || wanted.includes(type);
  return {
    LayersSize: sizes.total,
    Images: isWanted('image') ? imagesJson(asked) : null,
    Containers: isWanted('container') ? await containersJson(asked) : null,
    Volumes: isWanted('volume') ? await volumesJson(asked) : null,
    BuildCache: isWanted('build-cache') ? engine.builder.cache().map(cacheRecordJson) : null,
  };
}

function imagesJson({ store, listed, sizes, containers, version }: Asked) {
  return listed.map((image) =>
    listedImageJson(store, image, {
      version,
      names: image.record.names,
      sharedSize: sizes.shared(image),
      containers: containers.filter(({ image: { id } }) => id === image.record.id).length,
    }),
  );
}

function containersJson({ engine, host, containers }: Asked) {
  const now = Date.now();
  const lines = containers.map(async (record) => ({
    ...listedContainerJson(record, host.networks, engine.containers.statusText(record.state, now)),
    ...(await sizesOf(host, record)),
  }));
  return Promise.all(lines);
}

function volumesJson({ host: { volumes } }: Asked) {
  const lines = volumes.list().map(async (volume) => ({
    ...inspectVolume(volume),
    UsageData: { RefCount: volumes.usersOf(volume.name).length, Size: await treeBytes(volume.mountpoint) },
  }));
  return Promise.all(lines);
}

function cacheRecordJson({ kind, id, sizeBytes, description, madeAt, usedAt, uses, isShared }: CacheRecord) {
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
