import type { ManifestRecord, ManifestReference } from '../../index/index.js';
import { type Digest, findDigest, type Manifest, OciError, parseManifest } from '../../oci/index.js';

type Stored = Readonly<{ digest: Digest; canonical: Digest; bytes: Uint8Array; pushedAt: Date }>;

/** What the index keeps of a manifest that was just read from its bytes. */
export function recordOf(manifest: Manifest, stored: Stored): ManifestRecord {
  return {
    ...stored,
    mediaType: manifest.mediaType,
    artifactType: manifest.artifactType,
    subject: manifest.subject?.digest,
    annotations: manifest.annotations,
    references: referencesOf(manifest),
  };
}

/**
 * The same for bytes that have lain in storage, whose media type is written nowhere but in themselves.
 * @returns `undefined` when they are no manifest that anyone could ask for.
 */
export function manifestRecord(stored: Stored): ManifestRecord | undefined {
  try {
    return recordOf(parseManifest(stored.bytes, ''), stored);
  } catch (error) {
    if (error instanceof OciError) return schema1Record(stored);
    throw error;
  }
}

function referencesOf({ config, layers, children }: Manifest): ManifestReference[] {
  const named = (kind: ManifestReference['kind']) => (digest: Digest) => ({ kind, digest });
  return [
    ...(config ? [config.digest] : []).map(named('config')),
    ...layers.map((layer) => layer.digest).map(named('layer')),
    ...children.map((child) => child.digest).map(named('child')),
  ];
}

/** Old registries hold images of schema 1. New ones are refused, but these stay readable as they are. */
function schema1Record(stored: Stored): ManifestRecord | undefined {
  try {
    const document: unknown = JSON.parse(Buffer.from(stored.bytes).toString('utf8'));
    const { schemaVersion, fsLayers } = Object(document) as { schemaVersion?: unknown; fsLayers?: unknown };
    if (schemaVersion !== 1 || !Array.isArray(fsLayers)) return undefined;
    const digests = fsLayers.flatMap((layer) => findDigest(String(layer?.blobSum)) ?? []);
    return {
      ...stored,
      mediaType: 'application/vnd.docker.distribution.manifest.v1+json',
      artifactType: undefined,
      subject: undefined,
      annotations: {},
      references: digests.map((digest) => ({ kind: 'layer', digest })),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
