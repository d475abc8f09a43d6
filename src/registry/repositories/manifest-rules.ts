import {
  type Descriptor,
  type Digest,
  type Manifest,
  OciError,
  type RepositoryName,
  requiredBlobs,
  type Tag,
} from '../../oci/index.js';

/** What a manifest must satisfy beyond its format. `validation` of the reference's configuration. */
export type ManifestRules = Readonly<{
  /** Which entries of an index must be there: all, none (a sparse index), or those for these platforms. */
  indexPlatforms: 'all' | 'none' | readonly Platform[];
  /** Whether the config and the layers of an image must be there. */
  blobs: 'required' | 'optional';
  /** URLs from which layers may be said to come. No pattern at all allows every URL. */
  urls: Readonly<{ allow: readonly RegExp[]; deny: readonly RegExp[] }>;
  /** Whether a tag stays on what it names once it names something. */
  isImmutable: (repository: RepositoryName, tag: Tag) => boolean;
}>;

export type Platform = Readonly<{ os: string; architecture: string }>;

/** @throws {OciError} DENIED: one of the tags has to stay where it is. */
export function checkMutable(rules: ManifestRules, repository: RepositoryName, tags: readonly Tag[]): void {
  for (const tag of tags) {
    if (!rules.isImmutable(repository, tag)) continue;
    throw new OciError(
      'DENIED',
      `tag ${tag} of ${repository} is immutable (berth.immutable): it can neither be moved nor deleted`,
    );
  }
}

/**
 * @param findMissing says which of these are not there. @returns what is not there and need not be.
 * @throws {OciError} MANIFEST_INVALID: a URL that is not allowed.
 * @throws {AggregateError} of MANIFEST_BLOB_UNKNOWN, one for each digest that is not there.
 */
export async function checkReferences(
  rules: ManifestRules,
  findMissing: (digests: readonly Digest[]) => Promise<readonly Digest[]>,
  repository: RepositoryName,
  manifest: Manifest,
): Promise<readonly Digest[]> {
  checkUrls(rules, manifest.layers);
  const required = new Set(requiredContent(rules, manifest).map(({ digest }) => digest));
  const named = new Set([...requiredBlobs(manifest), ...manifest.children].map(({ digest }) => digest));
  const missing = await findMissing([...named]);
  const refused = missing.filter((digest) => required.has(digest));
  if (refused.length > 0)
    throw new AggregateError(refused.map((digest) => missingContent(repository, digest)));
  return missing;
}

/** What must be there before the manifest. */
export function requiredContent(rules: ManifestRules, manifest: Manifest): Descriptor[] {
  const blobs = rules.blobs === 'required' ? requiredBlobs(manifest) : [];
  return [...blobs, ...manifest.children.filter((child) => isChildRequired(rules, child))];
}

function isChildRequired({ indexPlatforms }: ManifestRules, { platform }: Descriptor): boolean {
  if (typeof indexPlatforms === 'string') return indexPlatforms === 'all';
  return indexPlatforms.some(
    ({ os, architecture }) => platform?.os === os && platform.architecture === architecture,
  );
}

function checkUrls({ urls: { allow, deny } }: ManifestRules, layers: readonly Descriptor[]): void {
  for (const url of layers.flatMap((layer) => layer.urls ?? [])) {
    const refused = deny.some((pattern) => pattern.test(url));
    const allowed = allow.length === 0 || allow.some((pattern) => pattern.test(url));
    if (refused || !allowed) {
      throw new OciError(
        'MANIFEST_INVALID',
        `layers from ${url} are not allowed by validation.manifests.urls`,
      );
    }
  }
}

function missingContent(repository: RepositoryName, digest: string): OciError {
  const message = `${repository} has no content ${digest}: push it before the manifest that names it`;
  return new OciError('MANIFEST_BLOB_UNKNOWN', message, { detail: { digest } });
}
