import {
  closeSync,
  constants,
  copyFileSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { makeDevice, makeFifo } from '../linux/index.js';
import { type ApplyLimits, type ApplyOptions, DEFAULT_LIMITS } from './apply-options.js';
import { type Entry, findWhiteout, WHITEOUT_PREFIX } from './entry.js';
import { explained, LayerError } from './errors.js';
import type { LowerChild } from './lower-directory.js';
import { encodeName } from './names.js';
import { isWhiteoutDevice } from './overlay.js';
import { Room } from './room.js';
import type { Segment } from './sparse.js';
import type { MemberSink } from './tar-feed.js';
import type { Member } from './tar-parser.js';
import { keptXattrs } from './tree-entry.js';
import { metadataOf, UnpackedTree } from './unpacked-tree.js';
import { type Whiteouts, whiteoutsFor } from './whiteouts.js';

const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

/** Makes files, links and directories of the members of a layer's tar. */
export class LayerExtractor implements MemberSink, Disposable {
  readonly #tree: UnpackedTree;
  readonly #whiteouts: Whiteouts;
  readonly #limits: ApplyLimits;
  readonly #keepsDevices: boolean;
  readonly #options: ApplyOptions;
  readonly #room: Room;
  #open: OpenFile | undefined;
  #entries = 0;
  #bytes = 0;

  constructor(root: string, options: ApplyOptions) {
    this.#tree = new UnpackedTree(root, options);
    this.#whiteouts = whiteoutsFor(this.#tree, options);
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#keepsDevices = options.devices === 'keep';
    this.#options = options;
    this.#room = new Room(root || '.');
  }

  begin(given: Member): void {
    const { change, whiteouts } = this.#options;
    const member = change ? { ...given, entry: change(given.entry) } : given;
    const { entry } = member;
    this.#count(entry);
    this.#room.take(member.stored, JSON.stringify(entry.path)); // holes take none
    explained(entry.path, () => {
      const isMarked = whiteouts !== 'none' && entry.path.includes(WHITEOUT_PREFIX);
      const whiteout = isMarked ? findWhiteout(entry.path) : undefined;
      if (whiteout?.kind === 'deleted') this.#whiteouts.delete(whiteout.path);
      else if (whiteout?.kind === 'opaque') this.#whiteouts.empty(whiteout.directory);
      else if (!whiteout) this.#make(member);
    });
  }

  data(bytes: Uint8Array): void {
    const open = this.#open;
    if (open) explained(open.entry.path, () => open.write(bytes));
  }

  end(): void {
    const open = this.#open;
    if (!open) return;
    explained(open.entry.path, () => {
      open.finish();
      this.#tree.metadata.writeOpen(open.fd, open.file, open.entry);
    });
    this.#open = undefined;
    closeSync(open.fd);
  }

  finish(): void {
    this.#tree.finish();
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #count(entry: Entry): void {
    this.#entries += 1;
    this.#bytes += entry.size;
    const { maxEntries, maxBytes } = this.#limits;
    if (this.#entries > maxEntries)
      throw new LayerError(entry.path, `the layer has more than ${maxEntries} entries, the limit`);
    if (this.#bytes > maxBytes)
      throw new LayerError(entry.path, `the layer unpacks to more than ${maxBytes} bytes, the limit`);
  }

  #make({ entry, sparse }: Member): void {
    const path = this.#tree.place(entry.path);
    if (this.#options.keepsKinds === true) this.#expectKind(path, entry);
    switch (entry.type) {
      case 'file':
        this.#open = this.#tree.create(
          path,
          (file) => new OpenFile(openSync(file, CREATE, 0o600), file, entry, sparse),
        );
        return;
      case 'directory':
        this.#makeDirectory(path, entry);
        return;
      case 'hardlink':
        this.#makeHardLink(path, entry);
        return;
      case 'symlink':
        this.#tree.create(path, (file) => symlinkSync(encodeName(entry.linkName ?? ''), file));
        this.#tree.metadata.write(this.#tree.fileAt(path), entry, { isLink: true });
        return;
      default:
        this.#makeSpecial(path, entry);
    }
  }

  #expectKind(path: string, { type }: Entry): void {
    const stats = this.#statsAt(path);
    if (stats === undefined || stats.isDirectory() === (type === 'directory')) return;
    const [what, by] = ['directory', 'non-directory'];
    const [is, wanted] = stats.isDirectory() ? [what, by] : [by, what];
    throw new LayerError(path, `cannot overwrite ${is} with ${wanted}`);
  }

  #makeDirectory(path: string, entry: Entry): void {
    const file = this.#tree.fileAt(path);
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats && !stats.isDirectory()) this.#tree.remove(path, stats);
    if (!stats?.isDirectory()) mkdirSync(file, 0o700);
    else this.#tree.metadata.open(file, stats.mode);
    this.#tree.addDirectory(path, entry);
  }

  #makeHardLink(path: string, entry: Entry): void {
    const { linkName = '' } = entry;
    const target = this.#tree.find(linkName);
    const stats = target === undefined ? undefined : this.#statsAt(target);
    if (target === path && stats && !stats.isDirectory()) return; // a link to itself
    if (target !== undefined && stats && !stats.isDirectory() && !isWhiteoutDevice(stats)) {
      this.#tree.create(path, (file) => linkSync(this.#tree.fileAt(target), file));
      return;
    }
    const below = stats === undefined ? this.#tree.fileBelow(linkName) : undefined;
    if (!below)
      throw new LayerError(
        entry.path,
        `a hard link to ${JSON.stringify(linkName)}, which is no file of this layer`,
      );
    this.#copyUp(path, below);
  }

  /** As overlayfs does for a new name of a file below. */
  #copyUp(path: string, { file: source, linkName }: LowerChild): void {
    const from = encodeName(source);
    const isLink = linkName !== undefined;
    this.#tree.create(path, (file) =>
      isLink ? symlinkSync(encodeName(linkName), file) : copyFileSync(from, file, constants.COPYFILE_EXCL),
    );
    const xattrs = isLink ? undefined : keptXattrs(from);
    const metadata = { ...metadataOf(lstatSync(from)), ...(xattrs && { xattrs }) };
    this.#tree.metadata.write(this.#tree.fileAt(path), metadata, { isLink });
  }

  #statsAt(path: string): Stats | undefined {
    return lstatSync(this.#tree.fileAt(path), { throwIfNoEntry: false });
  }

  #makeSpecial(path: string, entry: Entry): void {
    const { type, device } = entry;
    if (type === 'fifo') {
      this.#tree.create(path, (file) => makeFifo(file, 0o600));
    } else if ((type === 'character' || type === 'block') && device && this.#keepsDevices) {
      // To overlayfs, 0:0 is a mark of its own.
      if (type === 'character' && device.major === 0 && device.minor === 0) return;
      this.#tree.create(path, (file) => makeDevice(file, { type, permissions: 0o600, ...device }));
    } else {
      return;
    }
    this.#tree.metadata.write(this.#tree.fileAt(path), entry);
  }
}

/** A file whose content is on its way. */
class OpenFile {
  readonly fd: number;
  readonly file: string | Buffer;
  readonly entry: Entry;
  readonly #segments: readonly Segment[] | undefined;
  #segment = 0;
  /** Within the segment, or the file. */
  #position = 0;

  constructor(fd: number, file: string | Buffer, entry: Entry, segments?: readonly Segment[]) {
    this.fd = fd;
    this.file = file;
    this.entry = entry;
    this.#segments = segments;
  }

  write(bytes: Uint8Array): void {
    if (!this.#segments) {
      writeAll(this.fd, bytes, this.#position);
      this.#position += bytes.byteLength;
      return;
    }
    for (let rest = bytes; rest.byteLength > 0; ) {
      const segment = this.#segments[this.#segment];
      if (!segment) throw new LayerError(this.entry.path, 'it has more bytes than its sparse map');
      const part = rest.subarray(0, segment.length - this.#position);
      writeAll(this.fd, part, segment.offset + this.#position);
      rest = rest.subarray(part.byteLength);
      this.#position += part.byteLength;
      if (this.#position === segment.length) [this.#segment, this.#position] = [this.#segment + 1, 0];
    }
  }

  finish(): void {
    if (this.#segments) ftruncateSync(this.fd, this.entry.size);
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.byteLength; )
    at += writeSync(fd, bytes, at, bytes.byteLength - at, position + at);
}
