import { chmodSync, fchmodSync, fchownSync, futimesSync, lchownSync, lutimesSync } from 'node:fs';
import { canCallLinux, lremovexattr, lsetxattr } from '../linux/index.js';
import type { Entry } from './entry.js';
import { isOverlayXattr } from './overlay.js';
import { keptXattrs } from './tree-entry.js';

type Metadata = Pick<Entry, 'uid' | 'gid' | 'mode' | 'mtime' | 'xattrs'>;

/**
 * Gives files what entries say of them. In this order: chown takes setuid bits and capabilities away, a mode may
 * bar its owner from setting attributes, and whatever changes a file changes its time.
 */
export class MetadataWriter {
  readonly #isOwnerKept: boolean;
  readonly #isPrivileged: boolean;
  readonly #isOwnerInherited: (uid: number, gid: number) => boolean;

  /**
   * @param options `newFilesAreOwn`: files are made with this process's own owner and group. `isPrivileged`: all
   * attributes can be written, as they can by root of the machine.
   */
  constructor(
    options: Readonly<{ ownership: 'keep' | 'ignore'; newFilesAreOwn: boolean; isPrivileged: boolean }>,
  ) {
    this.#isOwnerKept = options.ownership === 'keep';
    this.#isPrivileged = options.isPrivileged;
    const [ownUid, ownGid] = [process.geteuid?.(), process.getegid?.()];
    this.#isOwnerInherited = (uid, gid) => options.newFilesAreOwn && uid === ownUid && gid === ownGid;
  }

  /** Of a new file that is open, and was made with mode 0600. */
  writeOpen(fd: number, file: string | Buffer, entry: Metadata): void {
    if (this.#isOwnerKept && !this.#isOwnerInherited(entry.uid, entry.gid))
      fchownSync(fd, entry.uid, entry.gid);
    this.#writeXattrs(file, entry);
    if (entry.mode !== 0o600) fchmodSync(fd, entry.mode);
    futimesSync(fd, entry.mtime, entry.mtime);
  }

  /** @param options `isLink`: a symbolic link, which has no mode. */
  write(file: string | Buffer, entry: Metadata, { isLink = false }: { isLink?: boolean } = {}): void {
    if (this.#isOwnerKept) lchownSync(file, entry.uid, entry.gid);
    if (!isLink) this.#removeOtherXattrs(file, entry);
    this.#writeXattrs(file, entry);
    if (!isLink) chmodSync(file, entry.mode);
    lutimesSync(file, entry.mtime, entry.mtime);
  }

  /** For work in a directory that its owner may not change. */
  open(directory: string | Buffer, mode: number): void {
    chmodSync(directory, (mode & 0o7777) | 0o700);
  }

  /** A directory may have been there before, with attributes that it no longer has. image-spec layer.md, "Applying". */
  #removeOtherXattrs(file: string | Buffer, { xattrs }: Metadata): void {
    if (!canCallLinux()) return;
    for (const name of keptXattrs(file)?.keys() ?? []) {
      if (!xattrs?.has(name)) tolerating(this.#isPrivileged, () => lremovexattr(file, name));
    }
  }

  #writeXattrs(file: string | Buffer, { xattrs }: Metadata): void {
    for (const [name, value] of xattrs ?? []) {
      // A layer must not tell overlayfs to look elsewhere.
      if (!isOverlayXattr(name)) this.#writeXattr(file, name, value);
    }
  }

  #writeXattr(file: string | Buffer, name: string, value: Buffer): void {
    tolerating(this.#isPrivileged, () => lsetxattr(file, name, value));
  }
}

/** Some file systems have no extended attributes, and not everybody may set all of them. */
function tolerating(isPrivileged: boolean, change: () => void): void {
  try {
    change();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const isTolerable = code === 'ENOTSUP' || (code === 'EPERM' && !isPrivileged);
    if (!isTolerable) throw error;
  }
}
