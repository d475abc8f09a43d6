import type { Digest, RepositoryName, Tag } from '../../oci/index.js';

/** What is wrong with bytes, or with what should lead to them. */
export type Problem =
  /** Bytes hash to something else than their name. */
  | 'damaged'
  /** The disk does not give the bytes back. */
  | 'unreadable'
  /** A link leads to bytes that are not there. */
  | 'missing'
  /** A link says nothing, or not what its name says. */
  | 'broken-link'
  /** A tag names an image that its repository has not. */
  | 'dangling-tag'
  /** An image names what its repository has not. */
  | 'incomplete'
  /** What should be a manifest is none. */
  | 'no-manifest'
  /** The index, from which manifests are served, has other bytes than the file. */
  | 'wrong-index';

/** What became of it: nothing, as yet; not served any more; as it was. */
export type State = 'found' | 'set-aside' | 'repaired';

/**
 * Something wrong. `repositories` are those that show it: none for bytes that nothing leads to. `detail` is for people, and so
 * is `how` it was repaired.
 */
export type Finding = Readonly<{
  problem: Problem;
  digest?: Digest;
  tag?: Tag;
  /** Of the link, or of what was set aside. */
  path?: string;
  repositories: readonly RepositoryName[];
  detail: string;
  state: State;
  how?: string;
}>;

/** What a person can do about it. */
export function adviceFor({ state, problem, digest, repositories: [repository] }: Finding): string {
  if (state === 'repaired') return 'nothing needs to be done';
  if (repository === undefined) return 'nothing leads to it, so that nothing needs to be done';
  if (problem === 'wrong-index') return 'berth index rebuild';
  if (problem === 'no-manifest') return `delete it: berth delete …/${repository}@${digest}`;
  return 'push the image again, or let berth verify --from fetch it from a registry that has it';
}
