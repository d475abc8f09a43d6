import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { LayerStack, Snapshots, StackLayer } from '../layer/index.js';
import { applyLayer, LayerError } from '../layer/index.js';
import { algorithmOf, chainIDs, type Digest } from '../oci/index.js';
import { LayerMismatchError, RuntimeUnavailableError } from './errors.js';
import { marksOf, type OverlayKind } from './overlay.js';
import { bootId } from './runtime-directory.js';
import { removeTree, type WorkFolder } from './work-folder.js';

export type SnapshotOptions = Readonly<{
  directory: string;
  work: WorkFolder;
  /** Of whom the files are: with a single id in a user namespace, root's. */
  ownership: 'keep' | 'ignore';
  devices: 'keep' | 'skip';
  /** For which the trees are. */
  overlay: OverlayKind;
}>;

/** Beside the tree; what is said here must fit those who want to use it. */
type Meta = Readonly<{ boot: string; overlay: OverlayKind }>;

const TREE = 'fs';
const META = 'meta.json';
const READ_BYTES = 1024 * 1024;

/**
 * Layers as directories that an overlay can join: one for each prefix of a stack, named by its chain id, with the
 * overlay's own marks of what is deleted. Each is made aside and appears complete, by a rename.
 *
 * Nothing is synced: a snapshot can be made again from its layer, so one from before the machine was last started is
 * not trusted, but replaced.
 */
export class SnapshotStore implements Snapshots {
  readonly #options: SnapshotOptions;
  readonly #meta: Meta;
  /** Those being made by this process. */
  readonly #pending = new Map<Digest, Promise<string>>();

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#meta = {
      boot: bootId(),
      overlay: options.overlay,
    };
  }

  async ensure(stack: LayerStack, { signal }: { signal?: AbortSignal } = {}): Promise<readonly string[]> {
    for (const { diffID } of stack) expectVerifiable(diffID);
    const ids = chainIDs(stack.map(({ diffID }) => diffID));
    const directories: string[] = [];
    for (const [i, layer] of stack.entries()) {
      signal?.throwIfAborted();
      directories.push(await this.#one(ids[i] as Digest, layer, directories, signal));
    }
    return directories;
  }

  /** Makes what a container left in an overlay's upper directory the snapshot of a new layer. `upper` is moved away. */
  adopt(upper: string, stack: LayerStack, diffID: Digest): string {
    const id = chainIDs([...stack.map((layer) => layer.diffID), diffID]).at(-1) as Digest;
    const made = this.#options.work.makeFolder();
    renameSync(upper, join(made, TREE));
    return this.#publish(made, id);
  }

  /** Every snapshot but those of `keep` (chain ids). Not while somebody may use them. */
  removeAllBut(keep: ReadonlySet<string>): void {
    const { directory } = this.#options;
    const kept = new Set(Array.from(keep, folderName));
    for (const name of readdirSync(directory)) {
      const [, chain = ''] = /^([0-9a-f]{64,})(?:\.fuse)?$/.exec(name) ?? [];
      if (chain !== '' && !kept.has(chain)) this.#discard(join(directory, name));
    }
  }

  async #one(
    id: Digest,
    layer: StackLayer,
    lowers: readonly string[],
    signal?: AbortSignal,
  ): Promise<string> {
    const known = this.#find(id);
    if (known !== undefined) return known;
    const pending = this.#pending.get(id);
    if (pending) return pending;
    const unpacking = this.#unpack(id, layer, lowers, signal);
    this.#pending.set(id, unpacking);
    try {
      return await unpacking;
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Containers on trees of the kernel's go on beside those of fuse-overlayfs. */
  #folderOf(id: Digest): string {
    const { directory, overlay } = this.#options;
    return join(directory, overlay === 'fuse' ? `${folderName(id)}.fuse` : folderName(id));
  }

  #find(id: Digest): string | undefined {
    const folder = this.#folderOf(id);
    const tree = join(folder, TREE);
    try {
      const { boot, overlay } = JSON.parse(readFileSync(join(folder, META), 'utf8')) as Meta;
      if (boot === this.#meta.boot && overlay === this.#meta.overlay) return tree;
    } catch {
      if (!existsSync(folder)) return undefined;
    }
    this.#discard(folder);
    return undefined;
  }

  async #unpack(
    id: Digest,
    layer: StackLayer,
    lowers: readonly string[],
    signal?: AbortSignal,
  ): Promise<string> {
    const made = this.#options.work.makeFolder();
    const tree = join(made, TREE);
    mkdirSync(tree);
    chmodSync(tree, 0o755);
    try {
      await this.#apply(layer, tree, lowers, signal);
    } catch (error) {
      removeTree(made);
      throw error;
    }
    return this.#publish(made, id);
  }

  async #apply(
    layer: StackLayer,
    tree: string,
    lowers: readonly string[],
    signal?: AbortSignal,
  ): Promise<void> {
    const { ownership, devices, overlay } = this.#options;
    const { diffID } = await applyLayer(openTar(layer), tree, {
      whiteouts: 'overlay',
      ...marksOf(overlay),
      ownership,
      devices,
      lowers: lowers.toReversed(),
      ...(signal && { signal }),
    }).catch((error: unknown) => {
      throw explained(error, this.#options);
    });
    if (diffID === layer.diffID) return;
    throw new LayerMismatchError(`the layer ${layer.diffID} unpacks to ${diffID}: its tar is damaged`);
  }

  #publish(made: string, id: Digest): string {
    const folder = this.#folderOf(id);
    writeFileSync(join(made, META), JSON.stringify(this.#meta));
    try {
      renameSync(made, folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      removeTree(made); // somebody else was faster, with the same
    }
    return join(folder, TREE);
  }

  /** Moved first, so that nobody finds half of it. */
  #discard(folder: string): void {
    const trash = this.#options.work.newPath();
    try {
      renameSync(folder, trash);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    removeTree(trash);
  }
}

/** Folders are called by the hash alone, and an algorithm that nobody knows may give it any text. */
function expectVerifiable(diffID: Digest): void {
  if (algorithmOf(diffID) === 'sha256') return;
  throw new LayerMismatchError(`cannot verify the layer ${diffID}: layers are known by sha256`);
}

function openTar(layer: StackLayer): AsyncIterable<Uint8Array> {
  if (layer.path === undefined) return layer.open();
  return createReadStream(layer.path, { highWaterMark: READ_BYTES });
}

/** In a user namespace only some ids exist. */
function explained(error: unknown, { overlay }: SnapshotOptions): unknown {
  const reason = error instanceof LayerError ? error.cause : error;
  if (overlay === 'machine' || (reason as NodeJS.ErrnoException | undefined)?.code !== 'EINVAL') return error;
  return new RuntimeUnavailableError(
    'the image has files of users beyond those that /etc/subuid and /etc/subgid give to you: an administrator can ' +
      'give more, usually 65536',
    { cause: error },
  );
}

function folderName(id: string): string {
  return id.slice(id.indexOf(':') + 1);
}
