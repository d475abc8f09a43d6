import { findRepositoryName, type RepositoryName } from '../../oci/index.js';
import type { Upstream } from './upstream.js';

/** Which part of the registry is a copy of an upstream, and for how long. Times in milliseconds. */
export type CacheRule = Readonly<{
  upstream: Upstream;
  /** Where its repositories are, without a slash at the end; '' for the whole registry. */
  prefix: string;
  /** Prefixes below this one where others are copied. */
  inner: readonly string[];
  /** Names by which clients call it that have their own names for repositories. */
  namespaces: readonly string[];
  /** How long a tag is believed. */
  recheck: number;
  /** How long what nobody asks for is kept; 0 for ever. */
  ttl: number;
  /** Most bytes of blobs. */
  maxBytes: number | undefined;
}>;

type Part = Pick<CacheRule, 'prefix' | 'inner'>;

export function isCovered({ prefix, inner }: Part, repository: RepositoryName): boolean {
  return isBelow(repository, prefix) && !inner.some((other) => isBelow(repository, other));
}

/** What a repository that is covered is called there. */
export function remoteNameOf({ prefix }: Part, repository: RepositoryName): RepositoryName {
  const name = findRepositoryName(prefix === '' ? repository : repository.slice(prefix.length + 1));
  if (name === undefined) throw new TypeError(`${repository} is not below ${prefix}`);
  return name;
}

function isBelow(repository: RepositoryName, prefix: string): boolean {
  return prefix === '' || repository.startsWith(`${prefix}/`);
}
