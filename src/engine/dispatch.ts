import { buildPrune, imageBuild } from './build/build.js';
import type { Handler } from './call.js';
import { imageGet, imageGetAll, imageLoad } from './images/archives.js';
import { imageCreate } from './images/create.js';
import { distributionInspect } from './images/distribution.js';
import { imageHistoryList, imageInspect } from './images/inspect.js';
import { imageList } from './images/list.js';
import { imageDelete, imageTag } from './images/names.js';
import { imagePrune } from './images/prune.js';
import { imagePush } from './images/push.js';
import { imageSearch } from './images/search.js';
import type { Operation } from './operations.js';
import { auth } from './system/auth.js';
import { diskUsage } from './system/disk-usage.js';
import { events } from './system/events.js';
import { info } from './system/info.js';
import { ping } from './system/ping.js';
import { otherPlugins, plugins, swarm } from './system/swarm.js';
import { version } from './system/version.js';

/** Which file answers which operation. */
export const HANDLERS: Readonly<Record<Operation, Handler>> = {
  BuildPrune: buildPrune,
  DistributionInspect: distributionInspect,
  ImageBuild: imageBuild,
  ImageCreate: imageCreate,
  ImageDelete: imageDelete,
  ImageGet: imageGet,
  ImageGetAll: imageGetAll,
  ImageHistory: imageHistoryList,
  ImageInspect: imageInspect,
  ImageList: imageList,
  ImageLoad: imageLoad,
  ImagePrune: imagePrune,
  ImagePush: imagePush,
  ImageSearch: imageSearch,
  ImageTag: imageTag,
  PluginList: plugins,
  PluginOther: otherPlugins,
  Swarm: swarm,
  SystemAuth: auth,
  SystemDataUsage: diskUsage,
  SystemEvents: events,
  SystemInfo: info,
  SystemPing: ping,
  SystemPingHead: ping,
  SystemVersion: version,
};
