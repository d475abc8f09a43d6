import type { Digest, RepositoryName, Tag } from '../../oci/index.js';
import type { BlobRecord, ManifestRecord, TagRecord } from '../metadata-index.js';
import type { Session, Value } from './database.js';

/** What a conflict of a new row of a repository with one that is there already comes to. */
const BLOB_CONFLICT = `ON CONFLICT (repository_id, digest) DO UPDATE SET canonical = excluded.canonical,
  size = excluded.size, linked_at = greatest(blobs.linked_at, excluded.linked_at)`;
const MANIFEST_CONFLICT = `ON CONFLICT (repository_id, digest) DO UPDATE SET canonical = excluded.canonical,
  media_type = excluded.media_type, artifact_type = excluded.artifact_type, subject = excluded.subject,
  size = excluded.size, annotations = excluded.annotations, bytes = excluded.bytes, pushed_at = excluded.pushed_at`;
const TAG_CONFLICT =
  'ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, tagged_at = excluded.tagged_at';

/**
 * Rows of repositories stay when nothing is left in them: their versions must never begin again. Whoever changes something of a
 * repository changes its row first, so that changes of one repository wait for each other.
 */
const TOUCH = `INSERT INTO repositories (name, version) VALUES ($1, 1)
  ON CONFLICT (name) DO UPDATE SET version = repositories.version + 1`;

/** One statement, and so one journey to the database and back, for each of what pushes do. */
export const PUT_BLOB = `WITH repository AS (${TOUCH} RETURNING id)
  INSERT INTO blobs (repository_id, digest, canonical, size, linked_at)
  SELECT id, $2, $3, $4::bigint, $5::bigint FROM repository ${BLOB_CONFLICT}`;

const MANIFEST_COLUMNS = `repository_id, digest, canonical, media_type, artifact_type, subject, size, pushed_at,
  annotations, bytes`;

/** `$2`… of {@link manifestValues}, and in the end the tags. */
export const PUT_MANIFEST = `WITH repository AS (
    INSERT INTO repositories (name, version, shown, pushed_at) VALUES ($1, 1, true, $8)
    ON CONFLICT (name) DO UPDATE SET version = repositories.version + 1, shown = true, pushed_at = excluded.pushed_at
    RETURNING id),
  manifest AS (
    INSERT INTO manifests (${MANIFEST_COLUMNS})
    SELECT id, $2, $3, $4, $5, $6, $7::bigint, $8, $9, $10::bytea FROM repository ${MANIFEST_CONFLICT}),
  links AS (
    INSERT INTO manifest_references (repository_id, manifest, target, kind)
    SELECT id, $2, target, kind FROM repository, unnest($11::text[], $12::text[]) AS given(target, kind)
    ON CONFLICT DO NOTHING)
  INSERT INTO tags (repository_id, name, digest, tagged_at)
  SELECT DISTINCT id, name, $2, $8::bigint FROM repository, unnest($13::text[]) AS given(name) ${TAG_CONFLICT}`;

export function blobValues({ digest, canonical, size, linkedAt }: BlobRecord): Value[] {
  return [digest, canonical, size, linkedAt.getTime()];
}

export function manifestValues(manifest: ManifestRecord): Value[] {
  const { digest, canonical, mediaType, artifactType, subject, bytes, pushedAt, references } = manifest;
  return [
    digest,
    canonical,
    mediaType,
    artifactType === undefined ? null : withoutNul(artifactType),
    subject ?? null,
    bytes.byteLength,
    pushedAt.getTime(),
    JSON.stringify(manifest.annotations),
    bytes,
    references.map((reference) => reference.digest),
    references.map(({ kind }) => kind),
  ];
}

/** Rows of a repository, by the number of the repository, in a transaction. */
export class RepositoryRows {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** @returns the repository's row, new where there was none, at its next version. */
  async touch(repository: RepositoryName): Promise<number> {
    return Number((await this.#session.get(`${TOUCH} RETURNING id`, repository))?.id);
  }

  /** @returns the repository's row, at its next version; `undefined`, with nothing changed, when it is not at `version`. */
  async touchAt(repository: RepositoryName, version: number): Promise<number | undefined> {
    const row = await this.#session.get(
      `INSERT INTO repositories (name, version)
       SELECT $1, 1 WHERE $2::bigint = 0 OR EXISTS (SELECT 1 FROM repositories WHERE name = $1)
       ON CONFLICT (name) DO UPDATE SET version = repositories.version + 1 WHERE repositories.version = $2 RETURNING id`,
      repository,
      version,
    );
    return row && Number(row.id);
  }

  async putBlob(id: number, blob: BlobRecord): Promise<void> {
    await this.#session.run(
      `INSERT INTO blobs (repository_id, digest, canonical, size, linked_at) VALUES ($1, $2, $3, $4, $5)
       ${BLOB_CONFLICT}`,
      id,
      ...blobValues(blob),
    );
  }

  async dropBlobs(id: number, digests: readonly Digest[]): Promise<void> {
    await this.#session.run('DELETE FROM blobs WHERE repository_id = $1 AND digest = ANY ($2)', id, digests);
  }

  async putManifest(id: number, manifest: ManifestRecord): Promise<void> {
    await this.#session.run(
      `WITH manifest AS (
         INSERT INTO manifests (${MANIFEST_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ${MANIFEST_CONFLICT})
       INSERT INTO manifest_references (repository_id, manifest, target, kind)
       SELECT $1, $2, target, kind FROM unnest($11::text[], $12::text[]) AS given(target, kind) ON CONFLICT DO NOTHING`,
      id,
      ...manifestValues(manifest),
    );
  }

  async dropManifests(id: number, digests: readonly Digest[]): Promise<void> {
    await this.#session.run(
      'DELETE FROM manifest_references WHERE repository_id = $1 AND manifest = ANY ($2)',
      id,
      digests,
    );
    await this.#session.run(
      'DELETE FROM manifests WHERE repository_id = $1 AND digest = ANY ($2)',
      id,
      digests,
    );
  }

  async putTag(id: number, { tag, digest, taggedAt }: TagRecord): Promise<void> {
    await this.#session.run(
      `INSERT INTO tags (repository_id, name, digest, tagged_at) VALUES ($1, $2, $3, $4) ${TAG_CONFLICT}`,
      id,
      tag,
      digest,
      taggedAt.getTime(),
    );
  }

  async dropTags(id: number, tags: readonly Tag[]): Promise<void> {
    await this.#session.run('DELETE FROM tags WHERE repository_id = $1 AND name = ANY ($2)', id, tags);
  }

  async dropTagsOn(id: number, digest: Digest): Promise<void> {
    await this.#session.run('DELETE FROM tags WHERE repository_id = $1 AND digest = $2', id, digest);
  }

  async setUnreadable(id: number, paths: readonly string[]): Promise<void> {
    await this.#session.run('DELETE FROM unreadable_links WHERE repository_id = $1', id);
    await this.#session.run(
      'INSERT INTO unreadable_links (repository_id, path) SELECT $1, unnest($2::text[])',
      id,
      paths,
    );
  }

  /** A repository is shown while it has a manifest: a page of the catalog need not look for one in each. */
  async show(id: number): Promise<void> {
    await this.#session.run(
      `UPDATE repositories SET shown = EXISTS (SELECT 1 FROM manifests WHERE repository_id = $1),
         pushed_at = coalesce(pushed_at, (SELECT max(pushed_at) FROM manifests WHERE repository_id = $1)) WHERE id = $1`,
      id,
    );
  }
}

/** The one character that text cannot hold here. No type of any artifact has it, but some manifest may say so. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\ufffd');
}
