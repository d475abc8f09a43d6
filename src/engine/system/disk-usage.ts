import type { CacheRecord } from '../../builder/index.js';
import { type ListedImage, type LocalStore, listImages } from '../../image/index.js';
import type { ContainerHost, ContainerRecord } from '../../runtime/container/index.js';
import { inspectVolume, treeBytes } from '../../runtime/volumes/index.js';
import { type Handler, sendJson } from '../call.js';
import { listedContainerJson } from '../containers/container-json.js';
import { sizesOf } from '../containers/sizes.js';
import type { Engine } from '../engine.js';
import { LayerSizes, listedImageJson } from '../images/listed-image.js';

/** By the name that clients ask for it with. */
const PARTS = {
  image: { member: 'Images', list: imagesJson },
  container: { member: 'Containers', list: containersJson },
  volume: { member: 'Volumes', list: volumesJson },
  'build-cache': {
    member: 'BuildCache',
    list: ({ engine }: Asked) => engine.builder.cache().map(cacheRecordJson),
  },
} as const;

type Asked = Readonly<{
  engine: Engine;
  host: ContainerHost;
  store: LocalStore;
  containers: readonly ContainerRecord[];
  listed: readonly ListedImage[];
  sizes: LayerSizes;
  version: number;
}>;

/** `docker system df`: all of it, or with `type` only some. */
export const diskUsage: Handler = async (engine, { query, answer, version }) => {
  using opened = await engine.containers.open();
  const { host } = opened;
  using store = engine.openStore();
  const listed = listImages(store);
  const sizes = new LayerSizes(store, listed);
  const asked = { engine, host, store, containers: await host.list(), listed, sizes, version };
  const wanted = query.getAll('type');
  const found = Object.entries(PARTS).map(async ([type, { member, list }]) => [
    member,
    wanted.length === 0 || wanted.includes(type) ? await list(asked) : null,
  ]);
  sendJson(answer, { LayersSize: sizes.total, ...Object.fromEntries(await Promise.all(found)) });
};

function imagesJson({ store, listed, sizes, containers, version }: Asked): object[] {
  return listed.map((image) =>
    listedImageJson(store, image, {
      version,
      names: image.record.names,
      sharedSize: sizes.shared(image),
      containers: containers.filter(({ image: { id } }) => id === image.record.id).length,
    }),
  );
}

function containersJson({ engine, host, containers }: Asked): Promise<object[]> {
  const now = Date.now();
  const lines = containers.map(async (record) => ({
    ...listedContainerJson(record, host.networks, engine.containers.statusText(record.state, now)),
    ...(await sizesOf(host, record)),
  }));
  return Promise.all(lines);
}

async function volumesJson({ host: { volumes } }: Asked): Promise<object[]> {
  const lines = volumes.list().map(async (volume) => ({
    ...inspectVolume(volume),
    UsageData: { RefCount: volumes.usersOf(volume.name).length, Size: await treeBytes(volume.mountpoint) },
  }));
  return Promise.all(lines);
}

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
