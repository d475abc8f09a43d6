import { expectRefused, expectStatus } from '../checks.ts';
import * as content from '../content.ts';
import { type Kind, manifestFrom, pushedBlob, storesAndServes } from '../documents.ts';
import * as types from '../media-types.ts';
import { category, requirement } from '../requirement.ts';

const foreign = (mediaType: string) =>
  content.descriptorOf(content.randomBlob(), mediaType, { urls: ['https://layers.example/base.tar.gz'] });

/** Fields and types that no registry needs to understand. */
const DOCUMENTS: readonly Kind[] = [
  // image-spec considerations.md, "Extensibility": unknown fields and types are not errors.
  [
    'D44.1',
    'MUST',
    'unknown fields',
    async (target) => target.prepareImage({ 'org.example.field': { deep: [1, null] } }),
  ],
  [
    'D44.2',
    'MUST',
    'an unknown config type',
    async (target) =>
      manifestFrom(await pushedBlob(target, 'application/vnd.example.config+json'), [
        await pushedBlob(target, types.OCI_LAYER),
      ]),
  ],
  [
    'D44.3',
    'MUST',
    'an unknown layer type',
    async (target) =>
      manifestFrom(await pushedBlob(target, types.OCI_CONFIG), [
        await pushedBlob(target, 'application/vnd.example.layer'),
      ]),
  ],
  [
    'D44.4',
    'MUST',
    'an unknown artifactType',
    async (target) => {
      await target.pushBlob(content.EMPTY_BLOB);
      return content.artifactManifest('application/vnd.example.thing', {
        annotations: { nonce: content.nonce() },
      });
    },
  ],
  [
    'D44.5',
    'MUST',
    'no mediaType in an OCI manifest',
    async (target) => {
      const { mediaType: _, ...rest } = JSON.parse((await target.prepareImage()).bytes.toString()) as Record<
        string,
        unknown
      >;
      return content.manifestOf(types.OCI_MANIFEST, rest);
    },
  ],
  // spec.md, "Pushing Manifests": the subject need not exist.
  [
    'D38.1',
    'MUST',
    'a subject that does not exist',
    async (target) =>
      target.prepareImage({
        subject: content.manifestDescriptor(content.imageManifest(content.imageConfig(), [])),
      }),
  ],
  // image-spec descriptor.md, "Digests": unknown algorithms of the right form are to be let through.
  [
    'D38.2',
    'SHOULD',
    'a subject of an unknown algorithm',
    async (target) =>
      target.prepareImage({
        subject: { mediaType: types.OCI_MANIFEST, digest: 'blake9+b64:AbC-_=', size: 7 },
      }),
  ],
  [
    'I2',
    'MUST',
    'content embedded in a descriptor (data)',
    async (target) => {
      await target.pushBlob(content.EMPTY_BLOB);
      const embedded = { ...content.EMPTY_DESCRIPTOR, data: 'e30=' };
      return manifestFrom(embedded, [embedded], {
        artifactType: 'application/vnd.example.thing',
        annotations: { nonce: content.nonce() },
      });
    },
  ],
  [
    'I4',
    'MUST',
    'an index inside an index',
    async (target) => {
      const inner = await target.pushManifest(
        content.indexOf([content.manifestDescriptor(await target.pushImage())]),
      );
      return content.indexOf([content.manifestDescriptor(inner)]);
    },
  ],
  // Layers that licences keep where they are: described, with urls, and never pushed.
  [
    'V15.1',
    'SHOULD',
    'an OCI non-distributable layer that nobody pushed',
    async (target) =>
      manifestFrom(await pushedBlob(target, types.OCI_CONFIG), [
        foreign('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'),
      ]),
  ],
  [
    'V15.2',
    'SHOULD',
    'a docker foreign layer that nobody pushed',
    async (target) =>
      content.manifestOf(types.DOCKER_MANIFEST, {
        schemaVersion: 2,
        mediaType: types.DOCKER_MANIFEST,
        config: await pushedBlob(target, types.DOCKER_CONFIG),
        layers: [foreign(types.DOCKER_FOREIGN_LAYER)],
      }),
  ],
  [
    'C25',
    'SHOULD',
    'a non-distributable layer that was pushed all the same',
    async (target) =>
      manifestFrom(await pushedBlob(target, types.OCI_CONFIG), [
        await pushedBlob(target, 'application/vnd.oci.image.layer.nondistributable.v1.tar'),
      ]),
  ],
  [
    'I1.1',
    'SHOULD',
    'zstd, encrypted and WebAssembly layers',
    async (target) =>
      manifestFrom(await pushedBlob(target, 'application/vnd.wasm.config.v0+json'), [
        await pushedBlob(target, `${types.OCI_LAYER}+zstd`),
        await pushedBlob(target, `${types.OCI_LAYER_GZIP}+encrypted`),
        await pushedBlob(target, 'application/wasm'),
      ]),
  ],
  [
    'I1.2',
    'SHOULD',
    'a docker plugin',
    async (target) =>
      content.manifestOf(types.DOCKER_MANIFEST, {
        schemaVersion: 2,
        mediaType: types.DOCKER_MANIFEST,
        config: await pushedBlob(target, 'application/vnd.docker.plugin.v1+json'),
        layers: [await pushedBlob(target, types.DOCKER_LAYER)],
      }),
  ],
];

category('documents', () => {
  storesAndServes(DOCUMENTS);

  // Schema 1 is gone from docker, containerd and distribution: it names layers twice and cannot be verified.
  requirement(
    'X5',
    'SHOULD',
    'refuses a docker schema 1 manifest with 400 or 415',
    async ({ repository }) => {
      const target = repository();
      const layer = await target.pushBlob(content.randomBlob());
      for (const type of ['v1+json', 'v1+prettyjws']) {
        const mediaType = `application/vnd.docker.distribution.manifest.${type}`;
        const manifest = content.manifestOf(mediaType, {
          schemaVersion: 1,
          name: target.name,
          tag: 'v1',
          architecture: 'amd64',
          fsLayers: [{ blobSum: layer.digest }],
          history: [{ v1Compatibility: '{"id":"a"}' }],
          signatures: [],
        });
        const answer = await target.putManifest('v1', manifest);
        expectRefused(answer, 'schema 1');
        expectStatus(answer, 400, 415);
      }
    },
  );
});
