import { chmodSync, chownSync, constants, copyFileSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MountSource, RunMount, Snapshots } from '../layer/index.js';
import { ensureCacheDirectory } from './cache-directory.js';
import { RuntimeError } from './errors.js';
import { MountTargets } from './mount-targets.js';
import { mountOverlay, type OverlayKind } from './overlay.js';
import { hasMountsBelow, type OwnMounts } from './own-mounts.js';
import { resolveInRoot } from './root-path.js';
import { SocketProxy } from './socket-proxy.js';
import type { SpecMount } from './spec.js';

/** A mount that only lacks its place in the root filesystem. */
export type PreparedMount = Readonly<{
  kind: 'file' | 'directory';
  spec: Omit<SpecMount, 'destination'>;
}>;

/** Where another mount lies inside this one: the path below this one's target. */
export type InnerTarget = Readonly<{ path: string; kind: 'file' | 'directory' }>;

type Of<T extends RunMount['type']> = Extract<RunMount, { type: T }>;

export type StepMountsOptions = Readonly<{
  /** For what the mounts need, removed by the caller. */
  makeFolder: () => string;
  snapshots: Snapshots;
  ownMounts: OwnMounts;
  overlay: OverlayKind;
  /** Nodes of devices in what is mounted cannot be opened. */
  noDevices: boolean;
}>;

/** Makes the sources of a step's mounts. Disposed when the container has ended. */
export class StepMounts implements Disposable {
  readonly #options: StepMountsOptions;
  readonly #resources = new DisposableStack();

  constructor(options: StepMountsOptions) {
    this.#options = options;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  /** @returns by target, parents first. */
  async prepare(mounts: readonly RunMount[]): Promise<ReadonlyMap<string, PreparedMount>> {
    const prepared = new Map<string, PreparedMount>();
    // What lies inside comes first: then it is known what kind of place it needs.
    for (const mount of mounts.toSorted((a, b) => depth(b.target) - depth(a.target))) {
      const inner = Array.from(prepared, ([target, { kind }]) => ({ target, kind }))
        .filter(({ target }) => target.startsWith(`${mount.target}/`))
        .map(({ target, kind }) => ({ path: target.slice(mount.target.length), kind }));
      prepared.set(mount.target, await this.#one(mount, inner));
    }
    return new Map([...prepared].reverse());
  }

  async #one(mount: RunMount, inner: readonly InnerTarget[]): Promise<PreparedMount> {
    switch (mount.type) {
      case 'bind':
        return this.#bind(mount, inner);
      case 'cache':
        return this.#cache(mount);
      case 'tmpfs':
        return directory('tmpfs', 'tmpfs', ['nosuid', ...sizeOption(mount.sizeBytes)]);
      case 'file':
        return this.#file(mount);
      case 'socket':
        return this.#socket(mount);
    }
  }

  async #bind(
    { source, target, readOnly }: Of<'bind'>,
    inner: readonly InnerTarget[],
  ): Promise<PreparedMount> {
    const path = await this.#locate(source, target);
    const stats = existing(path, target);
    const options = this.#bindOptions(readOnly ? 'ro' : 'rw');
    if (!stats.isDirectory()) {
      return {
        kind: 'file',
        spec: { type: 'bind', source: readOnly ? path : this.#copy(path, stats), options },
      };
    }
    const asIs = readOnly && inner.every(({ path: name }) => isThere(join(path, name)));
    if (!asIs) return directory('bind', this.#overlay([path], inner), options);
    return directory('bind', path, hasMountsBelow(path) ? this.#bindOptions('rro') : options);
  }

  async #cache({ directory: path, owner, seed, target, readOnly }: Of<'cache'>): Promise<PreparedMount> {
    const locate = seed && (() => this.#locate(seed, target));
    await ensureCacheDirectory(path, owner, locate);
    return directory('bind', path, this.#bindOptions(readOnly ? 'ro' : 'rw'));
  }

  #file({ content, owner, secret }: Of<'file'>): PreparedMount {
    const folder = this.#options.makeFolder();
    this.#options.ownMounts.mountMemory(folder);
    this.#resources.defer(() => this.#options.ownMounts.unmount(folder));
    const path = join(folder, 'content');
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
    chownSync(path, owner.uid, owner.gid);
    chmodSync(path, owner.mode);
    const options = [...this.#bindOptions('ro'), 'nosuid', 'nodev', ...(secret ? ['noexec'] : [])];
    return { kind: 'file', spec: { type: 'bind', source: path, options } };
  }

  async #socket({ hostPath, owner }: Of<'socket'>): Promise<PreparedMount> {
    const proxy = await SocketProxy.open(hostPath, this.#options.makeFolder(), owner);
    this.#resources.use(proxy);
    return { kind: 'file', spec: { type: 'bind', source: proxy.path, options: this.#bindOptions('rw') } };
  }

  /** @param writing `ro` is about the source alone; `rro`, of Linux 5.12 and runc 1.1, also about mounts within it. */
  #bindOptions(writing: 'rw' | 'ro' | 'rro'): string[] {
    return ['rbind', 'rprivate', writing, ...(this.#options.noDevices ? ['nodev'] : [])];
  }

  async #locate(source: MountSource, target: string): Promise<string> {
    if ('hostPath' in source) return source.hostPath;
    const root = this.#overlay(await this.#options.snapshots.ensure(source.stack), []);
    const path = resolveInRoot(root, source.path);
    existing(path, target, source.path);
    return path;
  }

  /** A tree that shows these directories and takes changes, for nobody to see afterwards. */
  #overlay(lowers: readonly string[], inner: readonly InnerTarget[]): string {
    const { makeFolder, ownMounts, overlay: kind, noDevices } = this.#options;
    const { root } = mountOverlay({ lowers, directory: makeFolder(), kind, noDevices });
    this.#resources.defer(() => ownMounts.unmount(root));
    const targets = new MountTargets(root);
    for (const { path, kind } of inner) targets.add(path, kind);
    return root;
  }

  #copy(path: string, { uid, gid, mode }: Stats): string {
    const copy = join(this.#options.makeFolder(), 'content');
    copyFileSync(path, copy, constants.COPYFILE_FICLONE);
    chownSync(copy, uid, gid);
    chmodSync(copy, mode & 0o7777);
    return copy;
  }
}

function directory(type: string, source: string, options: readonly string[]): PreparedMount {
  return { kind: 'directory', spec: { type, source, options } };
}

function sizeOption(bytes: number | undefined): string[] {
  return bytes === undefined ? [] : [`size=${bytes}`];
}

function depth(path: string): number {
  return path.split('/').length;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function existing(path: string, target: string, shown = path): Stats {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats) return stats;
  throw new RuntimeError(
    `cannot mount ${JSON.stringify(shown)} on ${target}: there is no such file or directory`,
  );
}
