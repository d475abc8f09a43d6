import type { SourceTree } from './context/source-tree.js';
import type { Material } from './material.js';

export type RemoteRequest = Readonly<{
  /** `https://…` or a git URL, as the Dockerfile has it. */
  url: string;
  /** What it must be: `sha256:…` of a file, the beginning of a commit. */
  checksum?: string;
  keepGitDirectory: boolean;
  signal: AbortSignal;
  onStatus: (text: string) => void;
}>;

/** What ADD fetched: a file called `path` in a tree, or with `''` the whole tree. */
export type RemoteSource = Readonly<{
  tree: SourceTree;
  path: string;
  kind: 'file' | 'git';
  material: Material;
}>;

/** Where ADD finds what lies elsewhere. */
export interface RemoteSources {
  /** @throws when it cannot be had, or is not what the checksum says. */
  fetch(request: RemoteRequest): Promise<RemoteSource>;
}
