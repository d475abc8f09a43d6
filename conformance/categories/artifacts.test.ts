import { expectBytes } from '../checks.ts';
import * as content from '../content.ts';
import { type Kind, manifestFrom, pushedBlob, storesAndServes } from '../documents.ts';
import * as types from '../media-types.ts';
import type { Repository } from '../repository.ts';
import { category, requirement } from '../requirement.ts';

/** What tools push, reduced to the part that a registry might stumble over. */
const ARTIFACTS: readonly Kind[] = [
  // BuildKit's cache before 0.21: an index whose children are layer blobs and a config, without platforms.
  [
    'C14.1',
    'SHOULD',
    'a BuildKit cache index of blobs',
    async (target) =>
      content.indexOf([
        await pushedBlob(target, types.OCI_LAYER_GZIP),
        await pushedBlob(target, types.OCI_LAYER_GZIP),
        await pushedBlob(target, 'application/vnd.buildkit.cacheconfig.v0', '{"layers":[]}'),
      ]),
  ],
  [
    'C14.2',
    'SHOULD',
    'a BuildKit cache manifest',
    async (target) =>
      manifestFrom(await pushedBlob(target, 'application/vnd.buildkit.cacheconfig.v0'), [
        await pushedBlob(target, types.OCI_LAYER_GZIP),
      ]),
  ],
  ['C15', 'SHOULD', 'BuildKit attestations in an index', pushAttestations],
  [
    'C16.1',
    'SHOULD',
    'a Helm chart',
    async (target) =>
      manifestFrom(await pushedBlob(target, 'application/vnd.cncf.helm.config.v1+json'), [
        await pushedBlob(target, 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'),
        await pushedBlob(target, 'application/vnd.cncf.helm.chart.provenance.v1.prov'),
      ]),
  ],
  [
    'C16.2',
    'SHOULD',
    'config and layer of no bytes',
    async (target) =>
      manifestFrom(await pushedBlob(target, 'application/vnd.devcontainers', ''), [
        await pushedBlob(target, 'application/vnd.devcontainers.layer.v1+tar', ''),
      ]),
  ],
  [
    'C17.1',
    'SHOULD',
    'a cosign signature',
    async (target) =>
      manifestFrom(await pushedBlob(target, types.OCI_CONFIG), [
        {
          ...(await pushedBlob(target, 'application/vnd.dev.cosign.simplesigning.v1+json')),
          annotations: { 'dev.cosignproject.cosign/signature': 'MEUCIQ==' },
        },
      ]),
  ],
  [
    'C17.2',
    'SHOULD',
    'a Sigstore bundle about an image',
    async (target) => {
      const [subject, bundle] = [await target.pushImage(), 'application/vnd.dev.sigstore.bundle.v0.3+json'];
      await target.pushBlob(content.EMPTY_BLOB);
      return manifestFrom(content.EMPTY_DESCRIPTOR, [await pushedBlob(target, bundle)], {
        artifactType: bundle,
        subject: content.manifestDescriptor(subject),
      });
    },
  ],
  [
    'C17.3',
    'SHOULD',
    'a Notation signature about an image',
    async (target) => {
      const subject = content.manifestDescriptor(await target.pushImage());
      await target.pushBlob(content.EMPTY_BLOB);
      const config = { ...content.EMPTY_DESCRIPTOR, mediaType: 'application/vnd.cncf.notary.signature' };
      return manifestFrom(config, [await pushedBlob(target, 'application/jose+json')], { subject });
    },
  ],
];

async function pushAttestations(target: Repository): Promise<content.Manifest> {
  const subject = await target.pushImage();
  const attestation = manifestFrom(
    await pushedBlob(target, types.OCI_CONFIG),
    [await pushedBlob(target, 'application/vnd.in-toto+json')],
    {
      artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
      subject: content.manifestDescriptor(subject),
    },
  );
  await target.pushManifest(attestation);
  return content.indexOf([
    content.manifestDescriptor(subject, { platform: { architecture: 'amd64', os: 'linux' } }),
    content.manifestDescriptor(attestation, {
      platform: { architecture: 'unknown', os: 'unknown' },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': subject.digest,
      },
    }),
  ]);
}

category('artifacts', () => {
  storesAndServes(ARTIFACTS);

  // Cosign derives a tag from the digest, Helm writes "+" as "_", kaniko tags with a hash.
  requirement('C17.4', 'SHOULD', 'takes the tags that tools make up', async ({ repository }) => {
    const target = repository();
    const hex = content.absentDigest().slice('sha256:'.length);
    for (const tag of [
      `sha256-${hex}`,
      `sha256-${hex}.sig`,
      `sha256-${hex}.att`,
      `sha256-${hex}.sbom`,
      '1.0.0_build.5',
      hex,
    ]) {
      const pushed = await target.pushImage(tag);
      expectBytes(await target.getManifest(tag), pushed.bytes);
    }
  });
});
