import { writeFileSync } from 'node:fs';
import type { StoredResult } from '../builder/index.js';
import { type Descriptor, formatPlatform, formatReference, parseReference } from '../oci/index.js';
import type { Attestation } from './build-attach.js';
import type { BuildFlags } from './build-flags.js';

type Report = Readonly<{
  result: StoredResult;
  /** What it became where it was sent. */
  elsewhere: Descriptor | undefined;
  names: readonly string[];
  attestations: readonly (readonly Attestation[])[];
}>;

/** Says what came out, in the files that were asked for, with buildx's keys. */
export function writeReports(
  { result, elsewhere, names, attestations }: Report,
  { iidfile, metadataFile }: Pick<BuildFlags, 'iidfile' | 'metadataFile'>,
): void {
  if (iidfile !== undefined) writeFileSync(iidfile, idOf(result));
  if (metadataFile === undefined) return;
  const { images } = result;
  const [only] = images.length === 1 ? images : [];
  const root = elsewhere ?? result.root;
  const config = only?.config.digest;
  const metadata = {
    ...provenanceIn(attestations, images),
    ...(config !== undefined && { 'containerimage.config.digest': config }),
    'containerimage.descriptor': {
      mediaType: root.mediaType,
      digest: root.digest,
      size: root.size,
      ...(config !== undefined && { annotations: { 'config.digest': config } }),
      ...(only && { platform: only.platform }),
    },
    'containerimage.digest': root.digest,
    ...(names.length > 0 && {
      'image.name': names.map((name) => formatReference(parseReference(name))).join(','),
    }),
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
