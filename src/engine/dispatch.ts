import { buildPrune, imageBuild } from './build/build.js';
import type { Handler, HijackHandler } from './call.js';
import { containerAttach, containerResize, plainAttach } from './containers/attach.js';
import { imageCommit } from './containers/commit.js';
import { containerExec, execInspect, execResize, execStart, execStartDetached } from './containers/exec.js';
import {
  containerArchive,
  containerArchiveInfo,
  containerChanges,
  containerExport,
  putContainerArchive,
} from './containers/files.js';
import {
  containerCreate,
  containerDelete,
  containerKill,
  containerPause,
  containerPrune,
  containerRename,
  containerRestart,
  containerStart,
  containerStop,
  containerUnpause,
  containerUpdate,
} from './containers/life.js';
import { containerLogs } from './containers/logs.js';
import { containerInspect, containerList, containerTop } from './containers/look.js';
import { containerStats } from './containers/stats.js';
import { containerWait } from './containers/wait.js';
import { imageGet, imageGetAll, imageLoad } from './images/archives.js';
import { imageCreate } from './images/create.js';
import { distributionInspect } from './images/distribution.js';
import { imageHistoryList, imageInspect } from './images/inspect.js';
import { imageList } from './images/list.js';
import { imageDelete, imageTag } from './images/names.js';
import { imagePrune } from './images/prune.js';
import { imagePush } from './images/push.js';
import { imageSearch } from './images/search.js';
import {
  networkConnect,
  networkCreate,
  networkDelete,
  networkDisconnect,
  networkInspect,
  networkList,
  networkPrune,
} from './networks/networks.js';
import type { Operation } from './operations.js';
import { auth } from './system/auth.js';
import { diskUsage } from './system/disk-usage.js';
import { events } from './system/events.js';
import { info } from './system/info.js';
import { ping } from './system/ping.js';
import { otherPlugins, plugins, swarm } from './system/swarm.js';
import { version } from './system/version.js';
import { volumeCreate, volumeDelete, volumeInspect, volumeList, volumePrune } from './volumes/volumes.js';

/** Which file answers which operation. */
export const HANDLERS: Readonly<Record<Operation, Handler>> = {
  BuildPrune: buildPrune,
  ContainerArchive: containerArchive,
  ContainerArchiveInfo: containerArchiveInfo,
  ContainerAttach: plainAttach,
  ContainerChanges: containerChanges,
  ContainerCreate: containerCreate,
  ContainerDelete: containerDelete,
  ContainerExec: containerExec,
  ContainerExport: containerExport,
  ContainerInspect: containerInspect,
  ContainerKill: containerKill,
  ContainerList: containerList,
  ContainerLogs: containerLogs,
  ContainerPause: containerPause,
  ContainerPrune: containerPrune,
  ContainerRename: containerRename,
  ContainerResize: containerResize,
  ContainerRestart: containerRestart,
  ContainerStart: containerStart,
  ContainerStats: containerStats,
  ContainerStop: containerStop,
  ContainerTop: containerTop,
  ContainerUnpause: containerUnpause,
  ContainerUpdate: containerUpdate,
  ContainerWait: containerWait,
  DistributionInspect: distributionInspect,
  ExecInspect: execInspect,
  ExecResize: execResize,
  ExecStart: execStartDetached,
  ImageBuild: imageBuild,
  ImageCommit: imageCommit,
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
  NetworkConnect: networkConnect,
  NetworkCreate: networkCreate,
  NetworkDelete: networkDelete,
  NetworkDisconnect: networkDisconnect,
  NetworkInspect: networkInspect,
  NetworkList: networkList,
  NetworkPrune: networkPrune,
  PluginList: plugins,
  PluginOther: otherPlugins,
  PutContainerArchive: putContainerArchive,
  Swarm: swarm,
  SystemAuth: auth,
  SystemDataUsage: diskUsage,
  SystemEvents: events,
  SystemInfo: info,
  SystemPing: ping,
  SystemPingHead: ping,
  SystemVersion: version,
  VolumeCreate: volumeCreate,
  VolumeDelete: volumeDelete,
  VolumeInspect: volumeInspect,
  VolumeList: volumeList,
  VolumePrune: volumePrune,
};

/** Of those, which answers when the client wants the connection for itself. */
export const HIJACK_HANDLERS: Partial<Readonly<Record<Operation, HijackHandler>>> = {
  ContainerAttach: containerAttach,
  ExecStart: execStart,
};
