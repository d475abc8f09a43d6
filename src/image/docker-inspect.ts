import {
  formatPlatform,
  type HistoryEntry,
  matchesPlatform,
  type Platform,
  parseReference,
  shortName,
  shortReference,
} from '../oci/index.js';
import { ImageFormatError } from './errors.js';
import type { ImageRecord } from './image-records.js';
import { imageSize, layerSize } from './layer-size.js';
import type { LocalImage } from './local-image.js';
import type { LocalStore } from './local-store.js';

/** What `docker image inspect` and the Engine API tell of an image. */
export type DockerImage = Readonly<Record<string, unknown>>;

/** Go's zero time: never. */
const NEVER = '0001-01-01T00:00:00Z';

/** @throws {ImageFormatError} the record is no image, or has none for the platform. */
export function inspectImage(store: LocalStore, record: ImageRecord, platform?: Platform): DockerImage {
  const { config, manifest, configBytes, configDescriptor } = imageFor(store, record, platform);
  const raw = JSON.parse(Buffer.from(configBytes).toString()) as Record<string, unknown>;
  return {
    Id: platform === undefined ? record.id : configDescriptor.digest,
    RepoTags: shortTags(record),
    RepoDigests: shortRepoDigests(record),
    Parent: '',
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? NEVER,
    DockerVersion: typeof raw.docker_version === 'string' ? raw.docker_version : '',
    Author: config.author ?? '',
    Config: dockerConfig(config.config ?? {}),
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    ...(config['os.version'] === undefined ? {} : { OsVersion: config['os.version'] }),
    Size: imageSize(store, manifest.layers),
    GraphDriver: { Data: null, Name: 'berth' },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: record.taggedAt === 0 ? NEVER : new Date(record.taggedAt).toISOString() },
    Descriptor: record.descriptor,
  };
}

/** @throws {ImageFormatError} what is no index may be for another platform too. */
function imageFor(
  store: LocalStore,
  { descriptor, names, id }: ImageRecord,
  platform?: Platform,
): LocalImage {
  const image = store.image(descriptor, platform);
  if (platform === undefined || matchesPlatform(image.config, platform)) return image;
  const [is, not] = [formatPlatform(image.config), formatPlatform(platform)];
  throw new ImageFormatError(`${names[0] ?? id} is for ${is}, not for ${not}`);
}

/** `alpine:latest` */
function shortTags({ names }: ImageRecord): string[] {
  return names.map((name) => shortReference(parseReference(name)));
}

/** `alpine@sha256:...` */
function shortRepoDigests({ repoDigests }: ImageRecord): string[] {
  return repoDigests.map((name) => shortReference(parseReference(name)));
}

/** All members that docker shows, where the image's configuration leaves some out. */
function dockerConfig(config: object): object {
  return {
    Hostname: '',
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: null,
    Cmd: null,
    Image: '',
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
    ...config,
  };
}

/** One line of `docker history`. */
export type DockerHistoryEntry = Readonly<{
  /** Of the newest entry; nobody knows the others. */
  id: string | undefined;
  created: string | undefined;
  createdBy: string;
  comment: string;
  /** Uncompressed bytes of the entry's layer; 0 without one. */
  size: number;
  tags: readonly string[];
}>;

/** How an image was made, the newest step first. @throws {ImageFormatError} the record is no image. */
export function imageHistory(
  store: LocalStore,
  record: ImageRecord,
  platform?: Platform,
): DockerHistoryEntry[] {
  const { config, manifest, configDescriptor } = imageFor(store, record, platform);
  const id = platform === undefined ? record.id : configDescriptor.digest;
  const layers = [...manifest.layers];
  const stated: readonly HistoryEntry[] = config.history ?? [];
  const missing = layers.length - stated.filter(({ empty_layer }) => empty_layer !== true).length;
  const history = [...stated, ...Array<HistoryEntry>(Math.max(0, missing)).fill({})];
  return history
    .map((entry) => {
      const layer = entry.empty_layer === true ? undefined : layers.shift();
      return {
        id: undefined,
        created: entry.created,
        createdBy: entry.created_by ?? '',
        comment: entry.comment ?? '',
        size: layer === undefined ? 0 : layerSize(store, layer),
        tags: [],
      };
    })
    .reverse()
    .map((entry, i) => (i === 0 ? { ...entry, id, tags: shortTags(record) } : entry));
}

/** The part of a whole name before its tag, short as docker shows it. */
export function shortRepository(name: string): string {
  return shortName(parseReference(name));
}
