import { writeFileSync } from 'node:fs';
import type { StoredResult } from '../builder/index.js';
import { formatPlatform, formatReference, parseReference } from '../oci/index.js';
import type { Attestation } from './build-attach.js';
import type { BuildFlags } from './build-flags.js';

/** Says what came out, in the files that were asked for. */
export function writeReports(
  { root, images }: StoredResult,
  { iidfile, metadataFile }: Pick<BuildFlags, 'iidfile' | 'metadataFile'>,
  names: readonly string[],
  attestations: readonly (readonly Attestation[])[],
): void {
  const id = idOf({ root, images });
  if (iidfile !== undefined) writeFileSync(iidfile, id);
  if (metadataFile === undefined) return;
  const metadata = {
    'containerimage.config.digest': images[0]?.config.digest,
    'containerimage.digest': root.digest,
    'containerimage.descriptor': { mediaType: root.mediaType, digest: root.digest, size: root.size },
    ...(names.length > 0 && {
      'image.name': names.map((name) => formatReference(parseReference(name))).join(','),
    }),
    ...provenanceIn(attestations, images),
  };
  writeFileSync(metadataFile, `${JSON.stringify(metadata, null, 2)}\n`);
}

/** As buildx: for each platform, where there are several. */
function provenanceIn(
  attestations: readonly (readonly Attestation[])[],
  images: StoredResult['images'],
): Record<string, object> {
  const entries = attestations.flatMap((statements, i) => {
    const found = statements.find(({ kind }) => kind === 'provenance');
    const image = images[i];
    if (found === undefined || image === undefined) return [];
    const suffix = images.length === 1 ? '' : `/${formatPlatform(image.platform)}`;
    return [[`buildx.build.provenance${suffix}`, found.statement.predicate] as const];
  });
  return Object.fromEntries(entries);
}

/** What people know the image by: the digest of its configuration, or of the index of several. */
export function idOf({ root, images }: StoredResult): string {
  const [only] = images;
  return only !== undefined && images.length === 1 ? only.config.digest : root.digest;
}
