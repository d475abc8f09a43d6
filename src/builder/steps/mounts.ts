import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { MountSource, RunMount } from '../../layer/index.js';
import { RootfsView } from '../../layer/index.js';
import type { MountDirectories } from '../cache/mount-directories.js';
import { DirectoryTree } from '../context/directory-tree.js';
import { followLinks, type SourceEntry, type SourceTree } from '../context/source-tree.js';
import { LayerPlan } from '../copy/layer-plan.js';
import { hashListing, listSource } from '../copy/listing.js';
import { place } from '../copy/place.js';
import { cleanPath, type Picked } from '../copy/sources.js';
import type { Mount } from '../dockerfile/index.js';
import { BuildError } from '../errors.js';
import { builtLayer, chainOf, type Layer } from '../layer.js';
import type { Layers } from '../layers.js';

/** What `from=` of a mount leads to: the layers of a stage or image, or a tree of files. */
export type MountOrigin = Readonly<{ layers: readonly Layer[] }> | Readonly<{ tree: SourceTree }>;

/** What secrets and agents the person who builds has to offer. */
export interface Credentials {
  /** `undefined` when it was not given. @throws {BuildError} it cannot be read, or is too large. */
  secret(id: string): Promise<Buffer | undefined>;
  /** The socket of an agent. */
  ssh(id: string): Promise<string | undefined>;
}

type Parts = Readonly<{
  layers: Layers;
  credentials: Credentials;
  directories: MountDirectories;
  cacheNamespace: string;
  findOrigin: (from: string | undefined) => Promise<MountOrigin>;
  signal: AbortSignal;
}>;

/** A mount whose source is known, and what of it a result depends on. */
export type PreparedMount = Readonly<{
  mount: Mount;
  origin?: MountOrigin;
  /** Known at once. */
  quickKey: unknown;
}>;

/** Everything that RUN is given for its mounts. */
export type MountedStep = Disposable &
  Readonly<{ mounts: RunMount[]; env: [string, string][]; secrets: Buffer[] }>;

/** Finds where mounts lead. */
export async function prepareMounts(
  mounts: readonly Mount[],
  { findOrigin }: Parts,
): Promise<PreparedMount[]> {
  const prepared: PreparedMount[] = [];
  for (const mount of mounts) {
    const origin = await originOf(mount, findOrigin);
    prepared.push({ mount, ...(origin && { origin }), quickKey: await quickKeyOf(mount, origin) });
  }
  return prepared;
}

async function originOf(mount: Mount, findOrigin: Parts['findOrigin']): Promise<MountOrigin | undefined> {
  if (mount.type === 'bind') return findOrigin(mount.from);
  if (mount.type === 'cache' && mount.from !== undefined) return findOrigin(mount.from);
  return undefined;
}

/** Only binds show their content to the key: what is in caches, and what secrets say, never counts. */
async function quickKeyOf(mount: Mount, origin: MountOrigin | undefined): Promise<unknown> {
  switch (mount.type) {
    case 'bind':
      return [
        'bind',
        mount.target,
        mount.readOnly,
        cleanPath(mount.source),
        await originKey(mount.source, origin),
      ];
    case 'cache':
      return ['cache', mount.target, mount.readOnly];
    case 'tmpfs':
      return ['tmpfs', mount.target, mount.size ?? null];
    case 'secret':
      return ['secret', mount.id, mount.target ?? null, mount.env ?? null];
    case 'ssh':
      return ['ssh', mount.id, mount.target ?? null];
  }
}

async function originKey(source: string, origin: MountOrigin | undefined): Promise<string> {
  if (origin === undefined) return '';
  return 'layers' in origin ? chainOf(origin.layers) : contentKey(origin.tree, source);
}

/**
 * The same with the content of what stages and images show instead of their names: equal files in another stage are
 * the same.
 */
export async function contentKeyOf(
  { mount, origin, quickKey }: PreparedMount,
  layers: Layers,
): Promise<unknown> {
  if (mount.type !== 'bind' || origin === undefined || !('layers' in origin)) return quickKey;
  const { ViewTree } = await import('../context/view-tree.js');
  const tree = new ViewTree('stage', await layers.view(origin.layers));
  return [
    'bind',
    mount.target,
    mount.readOnly,
    cleanPath(mount.source),
    await contentKey(tree, mount.source),
  ];
}

async function contentKey(tree: SourceTree, source: string): Promise<string> {
  const listed = await listSource(pick(tree, source), undefined);
  const digests = new Map<string, string>();
  for (const { entry } of listed.items) {
    if (entry.type === 'file') digests.set(entry.path, tree.knownDigest(entry) ?? (await tree.digest(entry)));
  }
  const digestOf = ({ path }: SourceEntry) => digests.get(path) ?? '';
  return hashListing([listed], { ownership: 'keep', top: 'shown', digestOf });
}

function pick(tree: SourceTree, source: string): Picked {
  const entry = followLinks(tree, cleanPath(source));
  if (entry === undefined)
    throw new BuildError(`${JSON.stringify(source)} was not found in the ${tree.name}, for a bind mount`);
  return { tree, text: source, name: '', entry };
}

/** Whether the command may have seen other files than the key says. */
export function hasChanged({ mount, origin }: PreparedMount): boolean {
  if (mount.type !== 'bind' || origin === undefined || !('tree' in origin)) return false;
  const { tree } = origin;
  return tree.hasChanged?.(pick(tree, mount.source).entry.path) === true;
}

/** Makes ready what the mounts show. */
export async function openMounts(prepared: readonly PreparedMount[], parts: Parts): Promise<MountedStep> {
  const opened = { mounts: [] as RunMount[], env: [] as [string, string][], secrets: [] as Buffer[] };
  const held: Disposable[] = [];
  const release = () => {
    for (const one of held.splice(0)) one[Symbol.dispose]();
  };
  try {
    for (const one of prepared) await openMount(one, { ...parts, opened, held });
  } catch (error) {
    release();
    throw error;
  }
  return { ...opened, [Symbol.dispose]: release };
}

type Opening = Parts &
  Readonly<{
    opened: { mounts: RunMount[]; env: [string, string][]; secrets: Buffer[] };
    held: Disposable[];
  }>;

async function openMount({ mount, origin }: PreparedMount, opening: Opening): Promise<void> {
  const { opened, held, directories, cacheNamespace, signal } = opening;
  switch (mount.type) {
    case 'bind': {
      if (origin === undefined) return;
      const source = await sourceOf(origin, mount.source, opening.layers);
      opened.mounts.push({ type: 'bind', source, target: mount.target, readOnly: mount.readOnly });
      return;
    }
    case 'cache': {
      const { target, readOnly, mode, uid, gid } = mount;
      const directory = await directories.acquire(`${cacheNamespace}${mount.id}`, mount.sharing, { signal });
      held.push(directory);
      const needsSeed = origin !== undefined && !existsSync(directory.path);
      const seed = needsSeed ? await sourceOf(origin, mount.source ?? '/', opening.layers) : undefined;
      const owner = { mode, uid, gid };
      opened.mounts.push({
        type: 'cache',
        directory: directory.path,
        owner,
        target,
        readOnly,
        ...(seed && { seed }),
      });
      return;
    }
    case 'tmpfs':
      opened.mounts.push({
        type: 'tmpfs',
        target: mount.target,
        ...(mount.size !== undefined && { sizeBytes: mount.size }),
      });
      return;
    case 'secret':
      return openSecret(mount, opening);
    case 'ssh':
      return openAgent(mount, opening);
  }
}

async function openSecret(
  mount: Extract<Mount, { type: 'secret' }>,
  { credentials, opened }: Opening,
): Promise<void> {
  const content = await credentials.secret(mount.id);
  if (content === undefined) {
    if (mount.required)
      throw new BuildError(`secret ${mount.id} is required: give it with --secret id=${mount.id},src=<file>`);
    return;
  }
  opened.secrets.push(content);
  const { mode, uid, gid } = mount;
  if (mount.target !== undefined) {
    opened.mounts.push({
      type: 'file',
      content,
      owner: { mode, uid, gid },
      target: mount.target,
      secret: true,
    });
  }
  if (mount.env !== undefined) opened.env.push([mount.env, content.toString('utf8')]);
}

async function openAgent(
  mount: Extract<Mount, { type: 'ssh' }>,
  { credentials, opened }: Opening,
): Promise<void> {
  const hostPath = await credentials.ssh(mount.id);
  if (hostPath === undefined) {
    if (mount.required)
      throw new BuildError(`the ssh agent ${mount.id} is required: give it with --ssh ${mount.id}`);
    return;
  }
  const { mode, uid, gid } = mount;
  const count = opened.mounts.filter(({ type }) => type === 'socket').length;
  const target = mount.target ?? `/run/buildkit/ssh_agent.${count}`;
  opened.mounts.push({ type: 'socket', hostPath, owner: { mode, uid, gid }, target });
  if (count === 0) opened.env.push(['SSH_AUTH_SOCK', target]);
}

/** A directory can be mounted as it is when it hides nothing; else a layer is made of what it shows. */
async function sourceOf(origin: MountOrigin, source: string, layers: Layers): Promise<MountSource> {
  if ('layers' in origin) {
    return { stack: layers.stack(origin.layers), path: await realPath(origin.layers, source, layers) };
  }
  const picked = pick(origin.tree, source);
  const { entry } = picked;
  if (origin.tree instanceof DirectoryTree) {
    const isWhole = entry.type !== 'directory' || !origin.tree.hidesSomething(entry.path);
    if (isWhole) return { hostPath: join(origin.tree.root, entry.path) };
  }
  const name = entry.type === 'directory' ? '' : (entry.path.split('/').at(-1) ?? '');
  const layer = await layerOf({ ...picked, name }, layers);
  return { stack: layers.stack([layer]), path: name };
}

async function realPath(stack: readonly Layer[], source: string, layers: Layers): Promise<string> {
  const path = cleanPath(source);
  if (path === '') return '';
  const found = (await layers.view(stack)).lookup(path);
  if (found === undefined) throw new BuildError(`${JSON.stringify(source)} was not found, for a bind mount`);
  return found.path;
}

async function layerOf(picked: Picked, layers: Layers): Promise<Layer> {
  const plan = new LayerPlan(RootfsView.of([]));
  const owner = { uid: 0, gid: 0 };
  place(plan, [await listSource(picked, undefined)], { destination: '/', owner, mtime: 0 });
  using writer = layers.createWriter();
  await plan.write(writer);
  const { diffID, size, index } = await writer.finish();
  layers.keep(writer.path, { diffID, size, index });
  return builtLayer(diffID, size);
}
