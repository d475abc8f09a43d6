import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SqlFile } from '../../sqlite/index.js';
import type { Filters } from '../filters.js';
import { hasMountsBelow } from '../own-mounts.js';
import { RuntimeEvents } from '../runtime-events.js';
import { DATA, fillVolume } from './copy-up.js';
import { closePlace, SUBPATH_PREFIX } from './open-beneath.js';
import { mountOptions, unmountOptions } from './option-mounts.js';
import { treeBytes } from './tree-bytes.js';
import {
  anonymousVolume,
  expectVolumeName,
  isAnonymousName,
  LOCAL_DRIVER,
  type Volume,
  type VolumeRequest,
} from './volume.js';
import { InvalidVolumeError, VolumeConflictError, VolumeNotFoundError } from './volume-errors.js';
import { listFilter, pruneFilter } from './volume-filters.js';
import { expectVolumeOptions, optionMountOf } from './volume-options.js';
import { VolumeStore } from './volume-store.js';

/** Volumes cannot be called so. */
const REMOVED = '.removed-';

/**
 * The volumes of this machine: rows of the database, and a directory each. Several processes may use it at once; what
 * one left half-done when it was killed, the next removes or completes.
 */
export class Volumes {
  readonly #store: VolumeStore;
  readonly #events: RuntimeEvents;
  readonly #directory: string;
  readonly #now: () => Date;

  /** @param options `directory`: `volumes` in $BERTH_ROOT; made with the first volume. */
  constructor(db: SqlFile, { directory, now = () => new Date() }: { directory: string; now?: () => Date }) {
    this.#store = new VolumeStore(db, directory);
    this.#events = new RuntimeEvents(db);
    this.#directory = directory;
    this.#now = now;
  }

  /**
   * @returns the volume, also when there was one of that name: as with docker, which then keeps what it is.
   * @throws {InvalidVolumeError} @throws {VolumeConflictError} files that are not ours are in its place.
   */
  create(request: VolumeRequest): Volume {
    const { Driver = '', DriverOpts, Labels, Name } = request.Name ? request : anonymousVolume(request);
    const options = DriverOpts ?? {};
    expectVolumeName(Name ?? '');
    if (Driver !== '' && Driver !== LOCAL_DRIVER)
      throw new InvalidVolumeError(
        `create ${Name}: error looking up volume plugin ${Driver}: there is only ${LOCAL_DRIVER}`,
      );
    expectVolumeOptions(options);
    return this.#store.transaction(
      () => this.find(Name ?? '') ?? this.#add(Name ?? '', Labels ?? {}, options),
    );
  }

  find(name: string): Volume | undefined {
    return this.#store.find(name);
  }

  /** @throws {VolumeNotFoundError} */
  get(name: string): Volume {
    return this.#store.get(name);
  }

  /** By name. @throws {FilterError}. */
  list(filters: Filters = {}): Volume[] {
    const accepts = listFilter(filters);
    return this.#store
      .uses()
      .filter(accepts)
      .map(({ volume }) => volume);
  }

  /** The containers that have it. */
  usersOf(name: string): string[] {
    return this.#store.usersOf(name);
  }

  /**
   * @param options `force`: nothing is wrong with a volume that there is not.
   * @throws {VolumeNotFoundError} @throws {VolumeConflictError} a container has it.
   */
  async remove(name: string, { force = false }: { force?: boolean } = {}): Promise<void> {
    if (force && this.find(name) === undefined) return;
    this.#store.transaction(() => {
      this.get(name);
      const users = this.usersOf(name);
      if (users.length > 0)
        throw new VolumeConflictError(`remove ${name}: volume is in use - [${users.join(', ')}]`);
      this.#takeAway(name);
    });
    await this.#removeLeftovers();
  }

  /** Removes volumes that no container has: those that nobody has named, or with the filter `all` all of them. */
  async prune(filters: Filters = {}): Promise<{ removed: string[]; reclaimedBytes: number }> {
    const accepts = pruneFilter(filters);
    const removed: string[] = [];
    let reclaimedBytes = 0;
    for (const { volume } of this.#store.uses().filter(accepts)) {
      const bytes = isPlain(volume) ? await treeBytes(volume.mountpoint) : 0;
      try {
        await this.remove(volume.name);
      } catch (error) {
        const isTaken = error instanceof VolumeConflictError || error instanceof VolumeNotFoundError;
        if (isTaken) continue; // in the meantime
        throw error;
      }
      removed.push(volume.name);
      reclaimedBytes += bytes;
    }
    return { removed, reclaimedBytes };
  }

  /** Several changes that are made together, or not at all. */
  transaction<T>(work: () => T): T {
    return this.#store.transaction(work);
  }

  /** A container has the volume from now on. Safe to repeat. @throws {VolumeNotFoundError} */
  hold(container: string, name: string): void {
    this.#store.transaction(() => {
      this.get(name);
      this.#store.hold(container, name);
    });
  }

  /** The container has no longer this volume, or none. @returns which it had. Safe to repeat. */
  release(container: string, name?: string): string[] {
    this.unmount(container);
    return this.#store.transaction(() => {
      const had = this.#store.heldBy(container).filter((volume) => name === undefined || volume === name);
      for (const volume of had) this.#store.release(container, volume);
      return had;
    });
  }

  /**
   * The container never came about, or is no more: it has no volumes, and those that were made for it are gone. In one step, as
   * nobody would know of them after half of it.
   */
  async forget(container: string): Promise<void> {
    this.#store.transaction(() => {
      const had = new Set(this.release(container));
      const accepts = pruneFilter({});
      for (const use of this.#store.uses()) {
        if (had.has(use.volume.name) && accepts(use)) this.#takeAway(use.volume.name);
      }
    });
    await this.#removeLeftovers();
  }

  /** Removes the anonymous ones of these that no container has: what `rm -v` and `--rm` do after {@link release}. */
  async removeAnonymous(names: readonly string[]): Promise<void> {
    const wanted = new Set(names);
    const accepts = pruneFilter({});
    for (const use of this.#store.uses()) {
      if (wanted.has(use.volume.name) && accepts(use)) await this.remove(use.volume.name, { force: true });
    }
  }

  /**
   * Makes ready what a container that is about to start has: a volume with options is mounted, for this process's mount
   * namespace, as long as a container needs it. @returns the volume's directory. @throws {RuntimeError} it cannot be mounted.
   */
  async mount(container: string, name: string): Promise<string> {
    const { mountpoint, options } = this.get(name);
    // A directory that somebody has removed is made anew, as docker does.
    mkdirSync(mountpoint, { recursive: true, mode: 0o755 });
    this.hold(container, name);
    const option = optionMountOf(options);
    if (option === undefined) return mountpoint;
    this.#store.noteMounted(container, name, true);
    await mountOptions(option, mountpoint, name);
    return mountpoint;
  }

  /** The container has ended: what is mounted for nobody else is unmounted. Safe to repeat. */
  unmount(container: string): void {
    this.#store.transaction(() => {
      for (const name of this.#store.heldBy(container)) {
        this.#store.noteMounted(container, name, false);
        const volume = this.find(name);
        if (this.#store.isMounted(name) || volume === undefined || isPlain(volume)) continue;
        if (existsSync(volume.mountpoint)) unmountOptions(volume.mountpoint);
      }
    });
  }

  /** Gives an empty volume, which a container holds, what a directory of an image has. @returns whether it was empty. */
  async fill(name: string, seed: string, options: { signal?: AbortSignal } = {}): Promise<boolean> {
    const volume = this.get(name);
    return fillVolume(join(this.#directory, name), seed, { ...options, isMounted: !isPlain(volume) });
  }

  /** After a reboot, or kill -9 of anything: only these containers are there, and have volumes. */
  async reconcile(containers: Iterable<string>): Promise<void> {
    const there = new Set(containers);
    for (const container of this.#store.users()) {
      if (!there.has(container)) this.release(container);
    }
    await this.#removeLeftovers();
  }

  #add(
    name: string,
    labels: Readonly<Record<string, string>>,
    options: Readonly<Record<string, string>>,
  ): Volume {
    const folder = join(this.#directory, name);
    if (!isEmptyVolume(folder))
      throw new VolumeConflictError(
        `create ${name}: ${folder} is there already, and was not made by Berth: move it away, or choose another name`,
      );
    // As with containers: programs that are setuid, and devices of images, are not for others on this machine.
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    mkdirSync(join(folder, DATA), { recursive: true, mode: 0o755 });
    const createdAt = this.#now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
    this.#store.add({ name, createdAt, labels, options });
    this.#post('create', name);
    return this.get(name);
  }

  /** Its files get a name that no volume has; {@link #removeLeftovers} removes them. */
  #takeAway(name: string): void {
    const folder = join(this.#directory, name);
    const data = join(folder, DATA);
    if (existsSync(data) && !isPlain(this.get(name))) unmountOptions(data);
    if (existsSync(folder)) {
      for (const place of readdirSync(folder).filter((entry) => entry.startsWith(SUBPATH_PREFIX)))
        closePlace(join(folder, place));
      if (hasMountsBelow(folder))
        throw new VolumeConflictError(`remove ${name}: something is mounted in ${folder}: unmount it first`);
      renameSync(folder, join(this.#directory, REMOVED + randomBytes(6).toString('hex')));
    }
    this.#store.remove(name);
    this.#post('destroy', name);
  }

  #post(action: 'create' | 'destroy', name: string): void {
    this.#events.post({ type: 'volume', action, actor: name, attributes: { driver: LOCAL_DRIVER } });
  }

  async #removeLeftovers(): Promise<void> {
    if (!existsSync(this.#directory)) return;
    this.#removeUnmade();
    for (const name of readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (!name.startsWith(REMOVED) || !existsSync(path) || hasMountsBelow(path)) continue;
      await rm(path, { recursive: true, force: true, maxRetries: 2 });
    }
  }

  /** Directories of those who were killed before it was a volume, under a name that nobody will ask for again. */
  #removeUnmade(): void {
    const isUnmade = (name: string) => isAnonymousName(name) && this.find(name) === undefined;
    const found = readdirSync(this.#directory).filter(isUnmade);
    if (found.length === 0) return;
    // Whoever makes one now does so in a transaction, too.
    this.#store.transaction(() => {
      for (const folder of found.filter(isUnmade).map((name) => join(this.#directory, name))) {
        if (isEmptyVolume(folder)) rmSync(folder, { recursive: true, force: true });
      }
    });
  }
}

function isPlain({ options }: Volume): boolean {
  return optionMountOf(options) === undefined;
}

/** What a creation that was killed has left counts as nothing. */
function isEmptyVolume(folder: string): boolean {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  if (names.length === 0) return true;
  return names.length === 1 && names[0] === DATA && readdirSync(join(folder, DATA)).length === 0;
}
