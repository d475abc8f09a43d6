/**
 * Every operation of the Engine API that is answered, under the name that docker's own description of the API has for it.
 * `{name}` may hold slashes, as names of images do. The first line that fits counts.
 */
const ROUTES = [
  ['GET', '/_ping', 'SystemPing'],
  ['HEAD', '/_ping', 'SystemPingHead'],
  ['GET', '/version', 'SystemVersion'],
  ['GET', '/info', 'SystemInfo'],
  ['GET', '/system/df', 'SystemDataUsage'],
  ['GET', '/events', 'SystemEvents'],
  ['POST', '/auth', 'SystemAuth'],
  ['GET', '/images/json', 'ImageList'],
  ['GET', '/images/search', 'ImageSearch'],
  ['GET', '/images/get', 'ImageGetAll'],
  ['POST', '/images/create', 'ImageCreate'],
  ['POST', '/images/load', 'ImageLoad'],
  ['POST', '/images/prune', 'ImagePrune'],
  ['GET', '/images/{name}/json', 'ImageInspect'],
  ['GET', '/images/{name}/history', 'ImageHistory'],
  ['GET', '/images/{name}/get', 'ImageGet'],
  ['POST', '/images/{name}/push', 'ImagePush'],
  ['POST', '/images/{name}/tag', 'ImageTag'],
  ['DELETE', '/images/{name}', 'ImageDelete'],
  ['GET', '/distribution/{name}/json', 'DistributionInspect'],
  ['POST', '/build', 'ImageBuild'],
  ['POST', '/commit', 'ImageCommit'],
  ['POST', '/build/prune', 'BuildPrune'],
  ['GET', '/containers/json', 'ContainerList'],
  ['POST', '/containers/create', 'ContainerCreate'],
  ['POST', '/containers/prune', 'ContainerPrune'],
  ['GET', '/containers/{name}/json', 'ContainerInspect'],
  ['GET', '/containers/{name}/top', 'ContainerTop'],
  ['GET', '/containers/{name}/changes', 'ContainerChanges'],
  ['GET', '/containers/{name}/export', 'ContainerExport'],
  ['HEAD', '/containers/{name}/archive', 'ContainerArchiveInfo'],
  ['GET', '/containers/{name}/archive', 'ContainerArchive'],
  ['PUT', '/containers/{name}/archive', 'PutContainerArchive'],
  ['GET', '/containers/{name}/logs', 'ContainerLogs'],
  ['GET', '/containers/{name}/stats', 'ContainerStats'],
  ['POST', '/containers/{name}/start', 'ContainerStart'],
  ['POST', '/containers/{name}/stop', 'ContainerStop'],
  ['POST', '/containers/{name}/restart', 'ContainerRestart'],
  ['POST', '/containers/{name}/kill', 'ContainerKill'],
  ['POST', '/containers/{name}/pause', 'ContainerPause'],
  ['POST', '/containers/{name}/unpause', 'ContainerUnpause'],
  ['POST', '/containers/{name}/rename', 'ContainerRename'],
  ['POST', '/containers/{name}/update', 'ContainerUpdate'],
  ['POST', '/containers/{name}/wait', 'ContainerWait'],
  ['POST', '/containers/{name}/attach', 'ContainerAttach'],
  ['POST', '/containers/{name}/resize', 'ContainerResize'],
  ['POST', '/containers/{name}/exec', 'ContainerExec'],
  ['DELETE', '/containers/{name}', 'ContainerDelete'],
  ['GET', '/exec/{name}/json', 'ExecInspect'],
  ['POST', '/exec/{name}/start', 'ExecStart'],
  ['POST', '/exec/{name}/resize', 'ExecResize'],
  ['GET', '/networks', 'NetworkList'],
  ['POST', '/networks/create', 'NetworkCreate'],
  ['POST', '/networks/prune', 'NetworkPrune'],
  ['POST', '/networks/{name}/connect', 'NetworkConnect'],
  ['POST', '/networks/{name}/disconnect', 'NetworkDisconnect'],
  ['GET', '/networks/{name}', 'NetworkInspect'],
  ['DELETE', '/networks/{name}', 'NetworkDelete'],
  ['GET', '/volumes', 'VolumeList'],
  ['POST', '/volumes/create', 'VolumeCreate'],
  ['POST', '/volumes/prune', 'VolumePrune'],
  ['GET', '/volumes/{name}', 'VolumeInspect'],
  ['DELETE', '/volumes/{name}', 'VolumeDelete'],
  ['GET', '/plugins', 'PluginList'],
  ['*', '/plugins/{name}', 'PluginOther'],
  ['*', '/swarm', 'Swarm'],
  ['*', '/swarm/{name}', 'Swarm'],
  ['*', '/nodes', 'Swarm'],
  ['*', '/nodes/{name}', 'Swarm'],
  ['*', '/services', 'Swarm'],
  ['*', '/services/{name}', 'Swarm'],
  ['*', '/tasks', 'Swarm'],
  ['*', '/tasks/{name}', 'Swarm'],
  ['*', '/secrets', 'Swarm'],
  ['*', '/secrets/{name}', 'Swarm'],
  ['*', '/configs', 'Swarm'],
  ['*', '/configs/{name}', 'Swarm'],
] as const;

export type Operation = (typeof ROUTES)[number][2];

type Pattern = Readonly<{ method: string; path: RegExp; operation: Operation }>;

const PATTERNS: readonly Pattern[] = ROUTES.map(([method, template, operation]) => ({
  method,
  path: new RegExp(`^${template.replace('{name}', '(?<name>.+)')}$`),
  operation,
}));

/** @param path without the version. @returns `name` as it stands there, `''` where the operation has none. */
export function findOperation(
  method: string,
  path: string,
): Readonly<{ operation: Operation; name: string }> | undefined {
  for (const { method: wanted, path: pattern, operation } of PATTERNS) {
    const found = wanted === '*' || wanted === method ? pattern.exec(path) : null;
    if (found !== null) return { operation, name: found.groups?.name ?? '' };
  }
  return undefined;
}
