import { LayerError } from './errors.js';

export type EntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

/** One member of a layer's tar. image-spec layer.md, "File Types" and "File Attributes". */
export type Entry = Readonly<{
  /**
   * Relative to the root, parts joined by single slashes, never empty. Bytes that are no UTF-8 are lone
   * surrogates: see names.ts.
   */
  path: string;
  type: EntryType;
  /** Permissions with setuid, setgid and sticky: 0 to 07777. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content; 0 for all but files. */
  size: number;
  /** Whole seconds since the epoch, rounded down. */
  mtime: number;
  /** What a symbolic link holds, or the path of the entry that a hard link is another name of. */
  linkName?: string;
  /** Of character and block devices. */
  device?: Device;
  xattrs?: ReadonlyMap<string, Buffer>;
}>;

export type Device = Readonly<{ major: number; minor: number }>;

/** Before a name in a layer: it deletes the lower layers' entry of that name. image-spec layer.md, "Whiteouts". */
export const WHITEOUT_PREFIX = '.wh.';
/** In a directory of a layer: it hides all that lower layers have in it. */
export const OPAQUE_MARKER = '.wh..wh..opq';
/** Of whatever else aufs left in old layers; it means nothing. */
const AUFS_PREFIX = '.wh..wh.';

/** What whites out `path`. */
export function whiteoutOf(path: string): string {
  const { parent, name } = splitPath(path);
  return joinPath(parent, WHITEOUT_PREFIX + name);
}

/** What an entry of a layer does to the layers below, if it is not there for itself. */
export type Whiteout =
  | Readonly<{ kind: 'deleted'; path: string }>
  | Readonly<{ kind: 'opaque'; directory: string }>
  | Readonly<{ kind: 'aufs' }>;

/** @returns `undefined` for ordinary paths. @throws {LayerError} a whiteout of nothing, or of a directory's own links. */
export function findWhiteout(path: string): Whiteout | undefined {
  const { parent, name } = splitPath(path);
  if (!name.startsWith(WHITEOUT_PREFIX)) {
    return path.startsWith(AUFS_PREFIX) || path.includes(`/${AUFS_PREFIX}`) ? { kind: 'aufs' } : undefined;
  }
  if (name === OPAQUE_MARKER) return { kind: 'opaque', directory: parent };
  if (name.startsWith(AUFS_PREFIX)) return { kind: 'aufs' };
  const deleted = name.slice(WHITEOUT_PREFIX.length);
  if (deleted === '' || deleted === '.' || deleted === '..')
    throw new LayerError(path, 'a whiteout of no name');
  return { kind: 'deleted', path: joinPath(parent, deleted) };
}

export function splitPath(path: string): { parent: string; name: string } {
  const slash = path.lastIndexOf('/');
  return { parent: slash < 0 ? '' : path.slice(0, slash), name: path.slice(slash + 1) };
}

/** The root is the empty path. */
export function joinPath(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}
