import { algorithmOf, type Digest, encodedOf, type RepositoryName, type Tag } from '../oci/index.js';
import type { StoragePath } from '../storage/index.js';

/**
 * Where Distribution's storage layout keeps things: the contract with every existing registry's data.
 * Names beginning with `_` cannot be part of a repository's name, so they never meet one.
 */
export const ROOT: StoragePath = '/docker/registry/v2';

export const REPOSITORIES: StoragePath = `${ROOT}/repositories`;
const BLOBS: StoragePath = `${ROOT}/blobs`;
/** Below it, a directory for each two letters that encoded digests begin with. */
export const CANONICAL_BLOBS: StoragePath = `${BLOBS}/sha256`;

/** @param canonical a sha256 digest: bytes are always stored under that, whatever other digests name them. */
export function blobPath(canonical: Digest): StoragePath {
  return `${blobDirectory(canonical)}/data`;
}

export function blobDirectory(canonical: Digest): StoragePath {
  const encoded = encodedOf(canonical);
  return `${BLOBS}/${algorithmOf(canonical)}/${encoded.slice(0, 2)}/${encoded}`;
}

function repositoryPath(repository: RepositoryName): StoragePath {
  return `${REPOSITORIES}/${repository}`;
}

export function layersPath(repository: RepositoryName): StoragePath {
  return `${repositoryPath(repository)}/_layers`;
}

/** Holds the canonical digest of the bytes that the repository may serve as `digest`. */
export function layerLinkPath(repository: RepositoryName, digest: Digest): StoragePath {
  return `${layersPath(repository)}/${linkOf(digest)}`;
}

/** The directory of that link, which docker-registry leaves behind when it removes the link. */
export function layerPath(repository: RepositoryName, digest: Digest): StoragePath {
  return `${layersPath(repository)}/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

export function manifestsPath(repository: RepositoryName): StoragePath {
  return `${repositoryPath(repository)}/_manifests`;
}

export function revisionsPath(repository: RepositoryName): StoragePath {
  return `${manifestsPath(repository)}/revisions`;
}

export function revisionPath(repository: RepositoryName, digest: Digest): StoragePath {
  return `${revisionsPath(repository)}/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

export function revisionLinkPath(repository: RepositoryName, digest: Digest): StoragePath {
  return `${revisionPath(repository, digest)}/link`;
}

export function tagsPath(repository: RepositoryName): StoragePath {
  return `${manifestsPath(repository)}/tags`;
}

export function tagPath(repository: RepositoryName, tag: Tag): StoragePath {
  return `${tagsPath(repository)}/${tag}`;
}

export function tagLinkPath(repository: RepositoryName, tag: Tag): StoragePath {
  return `${tagPath(repository, tag)}/current/link`;
}

/** Below it, a link for every manifest that the tag ever named. */
export function tagHistoryPath(repository: RepositoryName, tag: Tag): StoragePath {
  return `${tagPath(repository, tag)}/index`;
}

export function tagHistoryLinkPath(repository: RepositoryName, tag: Tag, digest: Digest): StoragePath {
  return `${tagHistoryPath(repository, tag)}/${linkOf(digest)}`;
}

/** Of the reference registry as a copy of another: what it will give up, and when. */
export const SCHEDULER_STATE: StoragePath = '/scheduler-state.json';

/** Of Berth only: there where a repository holds nothing but copies of an upstream. */
export function copyMarkPath(repository: RepositoryName): StoragePath {
  return `${repositoryPath(repository)}/_upstream`;
}

export function uploadsPath(repository: RepositoryName): StoragePath {
  return `${repositoryPath(repository)}/_uploads`;
}

export function uploadPath(repository: RepositoryName, id: string): StoragePath {
  return `${uploadsPath(repository)}/${id}`;
}

function linkOf(digest: Digest): string {
  return `${algorithmOf(digest)}/${encodedOf(digest)}/link`;
}
