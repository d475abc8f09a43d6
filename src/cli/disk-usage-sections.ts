import type { DiskUsageJson } from '../engine/index.js';
import { formatRows } from './format-template.js';
import { ago, humanSize } from './image-units.js';
import { printable } from './printable.js';

const MAX_COMMAND = 20;

const IMAGES = {
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  ID: 'IMAGE ID',
  CreatedSince: 'CREATED',
  Size: 'SIZE',
  SharedSize: 'SHARED SIZE',
  UniqueSize: 'UNIQUE SIZE',
  Containers: 'CONTAINERS',
} as const;
const CONTAINERS = {
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Command: 'COMMAND',
  LocalVolumes: 'LOCAL VOLUMES',
  Size: 'SIZE',
  RunningFor: 'CREATED',
  Status: 'STATUS',
  Names: 'NAMES',
} as const;
const VOLUMES = { Name: 'VOLUME NAME', Links: 'LINKS', Size: 'SIZE' } as const;
const BUILD_CACHE = {
  ID: 'CACHE ID',
  CacheType: 'CACHE TYPE',
  Size: 'SIZE',
  CreatedSince: 'CREATED',
  LastUsedSince: 'LAST USED',
  UsageCount: 'USAGE',
  Shared: 'SHARED',
} as const;

/** `berth system df -v`: one by one. @returns `rows`: what templates of --format are given, with docker's names. */
export function diskUsageSections(usage: DiskUsageJson) {
  const now = Date.now();
  const rows = {
    Images: (usage.Images ?? []).map((image) => imageRow(image, now)),
    Containers: (usage.Containers ?? []).map((container) => containerRow(container, now)),
    Volumes: (usage.Volumes ?? []).map(({ Name, UsageData }) => ({
      Name,
      Links: String(UsageData.RefCount),
      Size: humanSize(UsageData.Size),
    })),
    BuildCache: (usage.BuildCache ?? []).map((record) => cacheRow(record, now)),
  };
  const own = (usage.BuildCache ?? []).filter(({ Shared }) => !Shared);
  const cacheBytes = own.reduce((total, { Size }) => total + Size, 0);
  const text = [
    `Images space usage:\n\n${table(rows.Images, IMAGES)}`,
    `Containers space usage:\n\n${table(rows.Containers, CONTAINERS)}`,
    `Local Volumes space usage:\n\n${table(rows.Volumes, VOLUMES)}`,
    `Build cache usage: ${humanSize(cacheBytes)}\n\n${table(rows.BuildCache, BUILD_CACHE)}`,
  ].join('\n');
  return { text, rows };
}

type Of<K extends 'Images' | 'Containers' | 'BuildCache'> = NonNullable<DiskUsageJson[K]>[number];

function imageRow(image: Of<'Images'>, now: number) {
  const [name = '<none>:<none>'] = image.RepoTags;
  const colon = name.lastIndexOf(':');
  return {
    Repository: printable(name.slice(0, colon)),
    Tag: printable(name.slice(colon + 1)),
    ID: shortID(image.Id),
    CreatedSince: since(image.Created * 1000, now),
    Size: humanSize(image.Size),
    SharedSize: humanSize(image.SharedSize),
    UniqueSize: humanSize(image.Size - image.SharedSize),
    Containers: String(image.Containers),
  };
}

function containerRow(container: Of<'Containers'>, now: number) {
  const command = printable(container.Command);
  return {
    ID: container.Id.slice(0, 12),
    Image: printable(container.Image),
    Command: `"${command.length > MAX_COMMAND ? `${command.slice(0, MAX_COMMAND - 1)}…` : command}"`,
    LocalVolumes: String(container.Mounts.filter(({ Type }) => Type === 'volume').length),
    Size: humanSize(container.SizeRw),
    RunningFor: since(container.Created * 1000, now),
    Status: container.Status,
    Names: container.Names.map((name) => name.slice(1)).join(','),
  };
}

function cacheRow(record: Of<'BuildCache'>, now: number) {
  return {
    ID: shortID(record.ID),
    CacheType: record.Type,
    Size: humanSize(record.Size),
    CreatedSince: ago(record.CreatedAt, now),
    LastUsedSince: ago(record.LastUsedAt, now),
    UsageCount: String(record.UsageCount),
    Shared: String(record.Shared),
  };
}

function table(
  rows: readonly Readonly<Record<string, string>>[],
  headers: Readonly<Record<string, string>>,
): string {
  const members = Object.keys(headers).map((name) => `{{.${name}}}`);
  return formatRows(rows, `table ${members.join('\t')}`, headers);
}

function since(then: number, now: number): string {
  return ago(new Date(then).toISOString(), now);
}

function shortID(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}
