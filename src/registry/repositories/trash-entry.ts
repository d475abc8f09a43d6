import { createHash } from 'node:crypto';
import type { PendingDelete } from '../../index/index.js';
import {
  type Digest,
  keyText,
  parseDigest,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
  type Tag,
} from '../../oci/index.js';

/**
 * Something deleted: `tags`, and the manifest that they named too unless `tagsOnly`. `references` are the blobs and
 * manifests that it cannot do without, and `bytes` its own size.
 */
export type TrashEntry = Readonly<{
  id: string;
  repository: RepositoryName;
  deletedAt: Date;
  tagsOnly: boolean;
  tags: readonly Tag[];
  digest: Digest;
  canonical: Digest;
  bytes: number;
  references: readonly Digest[];
}>;

/** The same for the same delete, so that finishing one that was cut off makes no second entry. Sorts by time. */
export function trashId({
  repository,
  key,
  begunAt,
}: Pick<PendingDelete, 'repository' | 'key' | 'begunAt'>): string {
  const time = begunAt.toISOString().replace(/[-:.]/g, '');
  const name = createHash('sha256')
    .update(`${repository} ${keyText(key)}`)
    .digest('hex');
  return `${time}-${name.slice(0, 8)}`;
}

/** As a file holds it. */
export function formatTrashEntry(entry: TrashEntry): string {
  return `${JSON.stringify(entry, undefined, 2)}\n`;
}

/** @returns `undefined` for what is none of ours, or not all of it. */
export function findTrashEntry(text: string): TrashEntry | undefined {
  try {
    return parseTrashEntry(text);
  } catch {
    return undefined;
  }
}

function parseTrashEntry(text: string): TrashEntry {
  const value = JSON.parse(text);
  const deletedAt = new Date(value.deletedAt);
  if (Number.isNaN(deletedAt.getTime())) throw new TypeError('no time');
  return {
    id: value.id,
    repository: parseRepositoryName(value.repository),
    deletedAt,
    tagsOnly: value.tagsOnly === true,
    tags: value.tags.map(parseTag),
    digest: parseDigest(value.digest),
    canonical: parseDigest(value.canonical),
    bytes: Number(value.bytes),
    references: value.references.map(parseDigest),
  };
}
