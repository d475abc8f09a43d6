import type { LocalStore } from '../../image/index.js';
import {
  type Descriptor,
  encodedOf,
  imageUrl,
  MEDIA_TYPES,
  type Platform,
  parseManifest,
  parseReference,
} from '../../oci/index.js';
import { PROVENANCE_TYPE } from './provenance.js';
import { SBOM_TYPE } from './sbom.js';

/** What is said of an image. in-toto attestation spec, v1/statement.md. */
export type Statement = Readonly<{
  _type: 'https://in-toto.io/Statement/v1';
  subject: readonly Readonly<{ name: string; digest: Readonly<{ sha256: string }> }>[];
  predicateType: string;
  predicate: object;
}>;

const OWN_TYPES: readonly string[] = [SBOM_TYPE, PROVENANCE_TYPE];
const PREDICATE_TYPE = 'in-toto.io/predicate-type';

/** @param names of the image; it may have none. */
export function statementAbout(
  { manifest, platform }: Readonly<{ manifest: Descriptor; platform: Platform }>,
  names: readonly string[],
  { predicateType, predicate }: Readonly<{ predicateType: string; predicate: object }>,
): Statement {
  const digest = { sha256: encodedOf(manifest.digest) };
  const urls = names.map((name) => imageUrl(parseReference(name), platform));
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: (urls.length > 0 ? urls : ['_']).map((name) => ({ name, digest })),
    predicateType,
    predicate,
  };
}

/**
 * Attaches statements to an image of the store, as manifests that have the image for their subject. They take the place
 * of what earlier builds said of the same image. image-spec manifest.md, "Guidelines for Artifact Usage".
 */
export async function attach(
  store: LocalStore,
  subject: Descriptor,
  statements: readonly Statement[],
): Promise<void> {
  const earlier = await statementsOf(store, subject);
  const attached = new Set(statements.map((statement) => attachOne(store, subject, statement).digest));
  for (const { digest } of earlier) if (!attached.has(digest)) store.removeReferrer(digest);
}

function attachOne(store: LocalStore, subject: Descriptor, statement: Statement): Descriptor {
  const annotations = { [PREDICATE_TYPE]: statement.predicateType };
  const layer = store.putBytes(Buffer.from(JSON.stringify(statement)), MEDIA_TYPES.inToto);
  const config = store.putBytes(Buffer.from('{}'), MEDIA_TYPES.ociEmpty);
  const { mediaType, digest, size } = subject;
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType: MEDIA_TYPES.inToto,
    config,
    layers: [{ ...layer, annotations }],
    subject: { mediaType, digest, size },
    annotations,
  };
  return store.putBytes(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.ociManifest);
}

/** SBOMs and provenance that builds have attached. Others' statements stay. */
async function statementsOf(store: LocalStore, { digest }: Descriptor): Promise<Descriptor[]> {
  const referrers = await store.referrers(digest);
  return referrers.filter((referrer) => {
    if (referrer.artifactType !== MEDIA_TYPES.inToto) return false;
    const { annotations } = parseManifest(store.read(referrer.digest), '');
    return OWN_TYPES.includes(annotations[PREDICATE_TYPE] ?? '');
  });
}
