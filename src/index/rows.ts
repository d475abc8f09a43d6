import type { Digest, RepositoryName } from '../oci/index.js';
import type { ContentUse, Referrer, RepositoryUsage, UseCount } from './metadata-index.js';

/** As both databases give them: the columns have the same names. */
type Row = Readonly<Record<string, unknown>>;

/** SQL: what a descriptor takes in JSON, which is its values and 100 bytes around them. */
export const DESCRIPTOR_BYTES = `(octet_length(digest) + octet_length(media_type) + octet_length(annotations) +
  coalesce(octet_length(artifact_type), 0) + 100)`;

export function referrerOf(row: Row): Referrer {
  return {
    digest: row.digest as Digest,
    mediaType: String(row.media_type),
    size: Number(row.size),
    artifactType: row.artifact_type === null ? undefined : String(row.artifact_type),
    annotations: JSON.parse(String(row.annotations)),
  };
}

export function usageOf(row: Row): RepositoryUsage {
  return {
    repository: row.name as RepositoryName,
    bytes: Number(row.blob_bytes) + Number(row.manifest_bytes),
    manifests: Number(row.manifests),
    tags: Number(row.tags),
    pushedAt: timeOf(row.pushed_at),
    pulledAt: timeOf(row.pulled_at),
  };
}

export function useOf(row: Row): ContentUse {
  return {
    repository: row.name as RepositoryName,
    digest: row.digest as Digest,
    kind: row.kind === 'blob' ? 'blob' : 'manifest',
  };
}

export function useCountOf(row: Row): UseCount {
  const { digest, kind } = useOf(row);
  return { canonical: row.canonical as Digest, digest, kind, count: Number(row.count) };
}

export function timeOf(milliseconds: unknown): Date | undefined {
  return milliseconds === null ? undefined : new Date(Number(milliseconds));
}
