import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { commitImage, type LocalStore } from '../../image/index.js';
import type { ContainerConfig as ImageContainerConfig } from '../../oci/index.js';
import { type ContainerConfig, withImage } from './configuration.js';
import type { ContainerHost } from './container-host.js';
import type { ContainerRecord } from './container-record.js';

export type CommitOptions = Readonly<{
  /** Whole names of the image. */
  names: readonly string[];
  author: string;
  comment: string;
  /** What an image is to say instead of what the container was given. */
  config?: ContainerConfig;
  /** What instructions of a Dockerfile make of its configuration. */
  change: (config: ImageContainerConfig) => ImageContainerConfig;
  /** Holds its processes meanwhile, if it runs. */
  pause: boolean;
  signal?: AbortSignal | undefined;
}>;

/**
 * Makes an image of a container: of its image, and what it changed.
 * @returns its id. @throws {ContainerNotFoundError} @throws {RuntimeError}
 */
export async function commitContainer(
  host: ContainerHost,
  store: LocalStore,
  text: string,
  { names, author, comment, config = {}, change, pause, signal }: CommitOptions,
): Promise<string> {
  const record = await host.get(text);
  const changed = change(imageConfigOf(withImage(config, record.config as ImageContainerConfig)));
  const path = join(store.temporaryDirectory(), `commit-${randomBytes(8).toString('hex')}`);
  try {
    const layer = await paused(host, record, pause, () => host.files.layer(record, path, { signal }));
    if (layer) store.adoptBlob(path, layer);
    const descriptor = commitImage(store, store.image(record.image.manifest), {
      config: changed,
      created: new Date().toISOString(),
      createdBy: (listOf(record.config.Cmd) ?? []).join(' '),
      author,
      comment,
      layer,
    });
    store.tagMany(descriptor, names);
    const { id } = store.get(descriptor.digest);
    host.files.noteCommit(record, { comment, imageID: id, imageRef: names[0] ?? '' });
    return id;
  } finally {
    rmSync(path, { force: true });
  }
}

async function paused<T>(
  host: ContainerHost,
  { id, state }: ContainerRecord,
  isWanted: boolean,
  work: () => Promise<T>,
): Promise<T> {
  if (!isWanted || state.status !== 'running') return await work();
  await host.pause(id, { meanwhile: true });
  try {
    return await work();
  } finally {
    await host.unpause(id);
  }
}

/** What an image can say, of all that a container is asked to be. */
function imageConfigOf(config: ContainerConfig): ImageContainerConfig {
  const { User, ExposedPorts, Env, Volumes, WorkingDir, Labels, StopSignal, Healthcheck, OnBuild, Shell } =
    config;
  return Object.fromEntries(
    Object.entries({
      User,
      ExposedPorts,
      Env,
      Entrypoint: listOf(config.Entrypoint),
      Cmd: listOf(config.Cmd),
      Volumes,
      WorkingDir,
      Labels,
      StopSignal,
      Healthcheck,
      OnBuild,
      Shell,
    }).filter(([, value]) => isSaid(value)),
  );
}

function listOf(words: readonly string[] | string | null | undefined): readonly string[] | undefined {
  return typeof words === 'string' ? [words] : (words ?? undefined);
}

function isSaid(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}
