import type { Digest, RepositoryName, Tag } from '../../../src/oci/index.js';

export type ModelManifest = Readonly<{
  blobs: readonly Digest[];
  children: readonly Digest[];
  subject?: Digest;
}>;
type Trashed = Readonly<{
  id: string;
  at: number;
  digest: Digest;
  tags: readonly Tag[];
  manifest: ModelManifest;
  tagsOnly: boolean;
}>;

/** When somebody was last told of a blob, and when its link was written. */
type BlobTimes = { vouchedAt: number; linkedAt: number };

/** A blob that was in a repository while others were at work there too, and what follows from that. */
export type Sight = Readonly<{ name: RepositoryName; digest: Digest; note: (times: BlobTimes) => void }>;

class ModelRepository {
  readonly blobs = new Map<Digest, BlobTimes>();
  readonly manifests = new Map<Digest, { manifest: ModelManifest; pushedAt: number }>();
  readonly tags = new Map<Tag, Digest>();
  readonly trash = new Map<string, Trashed>();
}

/** What a registry must hold, in the simplest words there are: sets, and a walk over them. */
export class Model {
  readonly repositories: ReadonlyMap<RepositoryName, ModelRepository>;
  /** When bytes were last written. */
  readonly bytes = new Map<Digest, number>();

  constructor(names: readonly RepositoryName[]) {
    this.repositories = new Map(names.map((name) => [name, new ModelRepository()]));
  }

  at(name: RepositoryName): ModelRepository {
    const repository = this.repositories.get(name);
    if (repository === undefined) throw new Error(`no model of ${name}`);
    return repository;
  }

  /** Without the index nobody knows what clients were told. */
  loseIndex(): void {
    for (const { blobs } of this.repositories.values())
      for (const times of blobs.values()) times.vouchedAt = times.linkedAt;
  }

  /**
   * In whatever order: what is mounted others see, and mount on, while whoever mounts it waits to be told.
   * @throws {Error} nobody brought it there.
   */
  believe(sights: readonly Sight[]): void {
    const left = sights.filter(({ name, digest, note }) => {
      const times = this.at(name).blobs.get(digest);
      if (times) note(times);
      return times === undefined;
    });
    if (left.length > 0 && left.length === sights.length)
      throw new Error(
        left.map(({ name, digest }) => `${name} had ${digest}, which nobody brought`).join('; '),
      );
    if (left.length > 0) this.believe(left);
  }

  /** Manifests that nothing needs. */
  unneeded(before: number): Map<ModelRepository, readonly Digest[]> {
    const entries = [...this.repositories.values()].map((repository) => {
      const needed = neededManifests(repository, before);
      return [repository, [...repository.manifests.keys()].filter((digest) => !needed.has(digest))] as const;
    });
    return new Map(entries);
  }

  /** Forgets links that no manifest names, and bytes that no link names. */
  collectBlobs(before: number): void {
    for (const repository of this.repositories.values()) {
      const named = namedBlobs(repository);
      for (const [digest, { vouchedAt }] of repository.blobs)
        if (!named.has(digest) && vouchedAt < before) repository.blobs.delete(digest);
    }
    const linked = new Set<Digest>();
    for (const { blobs, manifests, trash } of this.repositories.values()) {
      for (const digest of [...blobs.keys(), ...manifests.keys()]) linked.add(digest);
      for (const { digest } of trash.values()) linked.add(digest);
    }
    for (const [digest, writtenAt] of this.bytes)
      if (!linked.has(digest) && writtenAt < before) this.bytes.delete(digest);
  }
}

function neededManifests({ manifests, tags, trash }: ModelRepository, before: number): Set<Digest> {
  const needed = new Set<Digest>();
  const open: Digest[] = [...tags.values()];
  for (const [digest, { pushedAt }] of manifests) if (pushedAt >= before) open.push(digest);
  for (const { digest, manifest } of trash.values())
    open.push(digest, ...manifest.children, ...manifest.blobs);
  for (let digest = open.pop(); digest; digest = open.pop()) {
    if (needed.has(digest)) continue;
    needed.add(digest);
    const manifest = manifests.get(digest)?.manifest;
    if (manifest) open.push(...manifest.children);
    if (manifest?.subject) open.push(manifest.subject);
    for (const [referrer, { manifest: other }] of manifests)
      if (other.subject === digest) open.push(referrer);
  }
  return needed;
}

function namedBlobs({ manifests, trash }: ModelRepository): Set<Digest> {
  const all = [...manifests.values(), ...trash.values()];
  return new Set(all.flatMap(({ manifest }) => manifest.blobs));
}
