import type { Digest, RepositoryName } from '../oci/index.js';
import type { ContentUse, Referrer, RepositoryUsage, UseCount } from './metadata-index.js';

/** As both databases give them: the columns have the same names. */
type Row = Readonly<Record<string, unknown>>;

/** What a column of digests says. SQLite's are packed. */
const asText = (column: unknown): Digest => column as Digest;

/** SQL: no less than a descriptor takes in JSON: its values, of which the digest may be packed in half, and what is around. */
export const DESCRIPTOR_BYTES = `(2 * octet_length(digest) + octet_length(media_type) + octet_length(annotations) +
  coalesce(octet_length(artifact_type), 0) + 110)`;

export function referrerOf(row: Row, digestOf = asText): Referrer {
  return {
    digest: digestOf(row.digest),
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

export function useOf(row: Row, digestOf = asText): ContentUse {
  return {
    repository: row.name as RepositoryName,
    digest: digestOf(row.digest),
    kind: row.kind === 'blob' ? 'blob' : 'manifest',
  };
}

export function useCountOf(row: Row, digestOf = asText): UseCount {
  const { digest, kind } = useOf(row, digestOf);
  return { canonical: digestOf(row.canonical), digest, kind, count: Number(row.count) };
}

export function timeOf(milliseconds: unknown): Date | undefined {
  return milliseconds === null ? undefined : new Date(Number(milliseconds));
}
