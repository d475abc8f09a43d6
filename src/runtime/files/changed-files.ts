import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Change,
  diffUpper,
  LayerWriter,
  type OverlayDirectories,
  type OverlayMarks,
  upperChanges,
} from '../../layer/index.js';
import { canCallLinux, chroot, MOUNT_FLAGS, mount } from '../../linux/index.js';
import type { Digest } from '../../oci/index.js';

/** What a container changed, beside what its image has. */
export type ChangedPlace = Readonly<{
  kind: 'changed';
  /** The container's: on `root` in it a new root is put together. */
  directory: string;
  upper: string;
  /** The lowest first. */
  lowers: readonly string[];
  marks: OverlayMarks;
  /** As in OverlayDirectories. */
  leftovers: readonly string[];
  /** Where a layer is to be written, if one is. */
  layer?: string;
}>;

/** The directories of an overlay, in a root of their own: the container may be changing the upper one. */
export class ChangedFiles {
  readonly #directories: OverlayDirectories;
  readonly #writer: LayerWriter | undefined;

  /** Enters. */
  constructor({ directory, upper, lowers, marks, leftovers, layer }: ChangedPlace) {
    canCallLinux();
    this.#writer = layer === undefined ? undefined : LayerWriter.create(layer);
    const root = join(directory, 'root');
    mount('tmpfs', root, 'tmpfs', MOUNT_FLAGS.noSuid | MOUNT_FLAGS.noDevices, 'mode=0700,size=1m');
    const bind = (source: string, name: string) => {
      mkdirSync(join(root, name));
      mount(source, join(root, name), '', MOUNT_FLAGS.bind);
      return `/${name}`;
    };
    const below = lowers.map((lower, i) => bind(lower, String(i))).reverse();
    this.#directories = { upper: bind(upper, 'u'), lowers: below, ...marks, leftovers: new Set(leftovers) };
    chroot(root);
    process.chdir('/');
  }

  /** As {@link upperChanges}. */
  list(): Promise<Change[]> {
    return upperChanges(this.#directories);
  }

  /** @returns nothing where nothing was changed. @throws {TypeError} no layer is to be written. */
  async writeLayer(): Promise<Readonly<{ digest: Digest; size: number }> | undefined> {
    if (this.#writer === undefined) throw new TypeError('there is no place for a layer');
    const count = await diffUpper(this.#directories, this.#writer);
    const { diffID, size } = await this.#writer.finish({ sync: true });
    return count === 0 ? undefined : { digest: diffID, size };
  }
}
