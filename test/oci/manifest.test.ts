import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MEDIA_TYPES, OciError, parseManifest, requiredBlobs } from '../../src/oci/index.js';

const MEBIBYTE = 1024 ** 2;
const digest = `sha256:${'a'.repeat(64)}`;
const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 1 };
const config = { mediaType: MEDIA_TYPES.ociConfig, digest, size: 2 };
const image = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: [layer] };
const index = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociIndex,
  manifests: [{ ...config, mediaType: MEDIA_TYPES.ociManifest }],
};

describe('parseManifest', () => {
  it('reads an image', () => {
    expect(read(image, MEDIA_TYPES.ociManifest)).toMatchObject({
      kind: 'manifest',
      mediaType: MEDIA_TYPES.ociManifest,
      artifactType: MEDIA_TYPES.ociConfig,
      layers: [{ digest }],
    });
  });
  it('reads an index, whose entries need no platform', () => {
    expect(read(index, MEDIA_TYPES.ociIndex)).toMatchObject({
      kind: 'index',
      artifactType: undefined,
      children: [{ digest }],
    });
  });
  it.each([
    { what: 'parameters of the type', document: image, type: `${MEDIA_TYPES.ociManifest}; charset=utf-8` },
    { what: 'a missing type', document: image, type: '' },
    { what: 'a generic type', document: image, type: 'application/json' },
    {
      what: 'a missing mediaType',
      document: { ...image, mediaType: undefined },
      type: MEDIA_TYPES.ociManifest,
    },
    { what: 'both missing', document: { ...image, mediaType: undefined }, type: '' },
    { what: 'no layers', document: { ...image, layers: [] }, type: MEDIA_TYPES.ociManifest },
    { what: 'unknown fields', document: { ...image, extra: { deep: [1] } }, type: MEDIA_TYPES.ociManifest },
  ])('tolerates $what', ({ document, type }) => {
    expect(read(document, type).mediaType).toBe(MEDIA_TYPES.ociManifest);
  });
  it('guesses an index by its members', () => {
    expect(read({ schemaVersion: 2, manifests: [] }, '').mediaType).toBe(MEDIA_TYPES.ociIndex);
  });
  it("prefers a manifest's own artifactType to its config's", () => {
    expect(read({ ...image, artifactType: 'text/x' }, '').artifactType).toBe('text/x');
  });
  it.each([
    { what: 'a list', document: [] },
    {
      what: 'schema 1',
      document: { schemaVersion: 1, mediaType: 'application/vnd.docker.distribution.manifest.v1+json' },
    },
    { what: 'an unknown type', document: { ...image, mediaType: 'text/plain' } },
    { what: 'an image with manifests', document: { ...image, manifests: [] } },
    { what: 'an index with layers', document: { ...index, layers: [] } },
    { what: 'another version', document: { ...image, schemaVersion: 3 } },
    { what: 'a config without digest', document: { ...image, config: { ...config, digest: 'sha256:x' } } },
    { what: 'a negative size', document: { ...image, layers: [{ ...layer, size: -1 }] } },
    { what: 'annotations that are not text', document: { ...image, annotations: { a: 1 } } },
  ])('refuses $what', ({ document }) => {
    expect(() => read(document, '')).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
  });
  it('refuses a type that contradicts the header', () => {
    expect(() => read(image, MEDIA_TYPES.ociIndex)).toThrow(/its Content-Type is/);
  });
  it.each([
    { what: 'opened brackets', text: '['.repeat(4 * MEBIBYTE), why: 'nests more than 64 deep' },
    {
      what: 'brackets in an unknown field',
      text: JSON.stringify(image).replace('{', `{"x":${'['.repeat(MEBIBYTE)}${']'.repeat(MEBIBYTE)},`),
      why: 'nests more than 64 deep',
    },
    {
      what: 'empty objects',
      text: JSON.stringify(image).replace('{', `{"x":[${'{},'.repeat(MEBIBYTE)}0],`),
      why: 'has more than 2066',
    },
  ])('refuses very many $what before they are read', ({ text, why }) => {
    expect(() => parseManifest(Buffer.from(text), '')).toThrow(
      expect.objectContaining({ code: 'MANIFEST_INVALID', message: expect.stringContaining(why) }),
    );
  });
  it('reads as many descriptors as fit into 4 MiB, and brackets in texts', () => {
    const small = { mediaType: 'a/b', digest, size: 1, annotations: { '[{"\\': '['.repeat(100) } };
    const layers = Array.from({ length: (4 * MEBIBYTE) / JSON.stringify(small).length }, () => small);
    expect(read({ ...image, layers }, '').layers).toHaveLength(layers.length);
    const bare = { mediaType: 'a', digest, size: 1 };
    const bareLayers = Array.from({ length: (4 * MEBIBYTE) / JSON.stringify(bare).length }, () => bare);
    expect(read({ ...image, layers: bareLayers }, '').layers).toHaveLength(bareLayers.length);
  });
  it('fails on any bytes only in the way that callers expect', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          try {
            parseManifest(bytes, '');
          } catch (error) {
            expect(error).toBeInstanceOf(OciError);
          }
        },
      ),
    );
  });
});

describe('requiredBlobs', () => {
  it('leaves out layers that live elsewhere', () => {
    const elsewhere = [
      { ...layer, urls: ['https://example.com/x'] },
      { ...layer, mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' },
      { ...layer, mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' },
    ];
    expect(requiredBlobs(read({ ...image, layers: [layer, ...elsewhere] }, ''))).toHaveLength(2);
  });
});

function read(document: object, contentType: string) {
  return parseManifest(Buffer.from(JSON.stringify(document)), contentType);
}
