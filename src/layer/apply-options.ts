import type { Entry } from './entry.js';

export type ApplyLimits = Readonly<{
  /** Of all files together. */
  maxBytes: number;
  maxEntries: number;
}>;

export type ApplyOptions = Readonly<{
  /**
   * `overlay`: into an empty directory that shall be one of an overlay's lower directories; deletions become its
   * marks. `apply`: into a directory that holds what the layers below came to; deletions are carried out. `none`: the tar is
   * no layer, and no name in it means anything else than itself.
   */
  whiteouts: 'overlay' | 'apply' | 'none';
  /** Directories are not replaced by something else, nor the other way round: that fails. */
  keepsKinds?: boolean;
  /** What becomes of each entry, before anything is made of it. */
  change?: (entry: Entry) => Entry;
  /** With `overlay`: for mounts with the option `userxattr`, as in user namespaces. */
  userxattr?: boolean;
  /**
   * With `overlay`: the directories of the layers below, uppermost first; none for a base layer. A directory that the
   * layer has no entry for is made as it is there, and leads where a symbolic link there leads; deletions of what is
   * not there leave no mark. Left out: what lies below is not known, and such directories get mode 0755.
   */
  lowers?: readonly string[];
  /** `ignore`: all becomes the caller's own, and attributes that need privilege are left out. */
  ownership: 'keep' | 'ignore';
  devices: 'keep' | 'skip';
  limits?: Partial<ApplyLimits>;
  signal?: AbortSignal;
}>;

/** More than any layer has that is meant well. */
export const DEFAULT_LIMITS: ApplyLimits = { maxBytes: 256 * 1024 ** 3, maxEntries: 10_000_000 };
