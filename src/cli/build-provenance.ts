import manifest from '../../package.json' with { type: 'json' };
import type { ImageEndpoint } from '../content/index.js';
import type { LocalStore } from '../image/index.js';
import { type Descriptor, formatPlatform, MEDIA_TYPES, type Platform } from '../oci/index.js';
import type { BuildFlags } from './build-flags.js';
import type { Output } from './build-output.js';
import { UsageError } from './failure.js';

const IN_TOTO = 'application/vnd.in-toto+json';
const PREDICATE = 'https://slsa.dev/provenance/v1';

/** Refuses what cannot be attached yet, before anything is built. @returns whether provenance is wanted. */
export function wantsProvenance(
  { provenance, sbom }: Pick<BuildFlags, 'provenance' | 'sbom'>,
  outputs: readonly Output[],
): boolean {
  if (sbom !== undefined && sbom !== false && sbom !== 'false') {
    throw new UsageError(
      '--sbom is not supported yet: scan the image after the build, and attach the result',
    );
  }
  const isWanted = provenance !== undefined && provenance !== false && provenance !== 'false';
  if (isWanted && !outputs.some((output) => output.type === 'image' && output.push)) {
    throw new UsageError('--provenance is attached to what is pushed: add --push');
  }
  return isWanted;
}

type About = Readonly<{
  dockerfile: string;
  flags: BuildFlags;
  started: Date;
  platforms: readonly Platform[];
}>;

/**
 * Attaches to what was pushed how it was made: a manifest with the image, or the index of several, as its subject. It
 * tells names of arguments and not their values, which may be secret. slsa.dev/spec/v1.0/provenance, image-spec
 * manifest.md "subject".
 */
export async function pushProvenance(
  store: LocalStore,
  repository: ImageEndpoint,
  subject: Descriptor,
  about: About,
): Promise<void> {
  const layer = store.putBytes(Buffer.from(JSON.stringify(statementOf(subject, about))), IN_TOTO);
  const config = store.putBytes(Buffer.from('{}'), MEDIA_TYPES.ociEmpty);
  const annotations = { 'in-toto.io/predicate-type': PREDICATE };
  const { mediaType, digest, size } = subject;
  const attached = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType: IN_TOTO,
    config,
    layers: [{ ...layer, annotations }],
    subject: { mediaType, digest, size },
    annotations,
  };
  const manifest = store.putBytes(Buffer.from(JSON.stringify(attached)), MEDIA_TYPES.ociManifest);
  for (const descriptor of [config, layer, manifest]) {
    await repository.push(descriptor, (offset) => store.fetch(descriptor, { offset }));
  }
}

function statementOf(subject: Descriptor, { dockerfile, flags, started, platforms }: About) {
  const [algorithm = '', hex = ''] = subject.digest.split(':');
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: flags.tag[0] ?? '', digest: { [algorithm]: hex } }],
    predicateType: PREDICATE,
    predicate: {
      buildDefinition: {
        buildType: 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md',
        externalParameters: {
          configSource: { path: dockerfile },
          request: {
            frontend: 'dockerfile.v0',
            platforms: platforms.map(formatPlatform),
            ...(flags.target !== undefined && { target: flags.target }),
            args: flags.buildArg.map((text) => text.split('=')[0]),
            labels: flags.label,
          },
        },
      },
      runDetails: {
        builder: { id: `berth/${manifest.version}` },
        metadata: { startedOn: started.toISOString(), finishedOn: new Date().toISOString() },
      },
    },
  };
}
