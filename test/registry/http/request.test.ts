import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OciError } from '../../../src/oci/index.js';
import { parseRequest } from '../../../src/registry/http/request.js';

const digest = `sha256:${'a'.repeat(64)}`;

describe('parseRequest', () => {
  it.each([
    { path: '/v2', request: { kind: 'base' } },
    { path: '/v2/', request: { kind: 'base' } },
    { path: '/v2/_catalog', request: { kind: 'catalog' } },
    { path: '/v2/a/b/manifests/v1', request: { kind: 'manifest', repository: 'a/b', reference: 'v1' } },
    { path: `/v2/a/blobs/${digest}`, request: { kind: 'blob', repository: 'a', digest } },
    { path: `/v2/a/blobs/${digest.replace(':', '%3A')}`, request: { kind: 'blob', repository: 'a', digest } },
    { path: '/v2/a/blobs/uploads', request: { kind: 'uploads', repository: 'a' } },
    { path: '/v2/a/blobs/uploads/', request: { kind: 'uploads', repository: 'a' } },
    { path: '/v2/a/blobs/uploads/x-1', request: { kind: 'upload', repository: 'a', id: 'x-1' } },
    { path: '/v2/a/tags/list', request: { kind: 'tags', repository: 'a' } },
    { path: `/v2/a/referrers/${digest}`, request: { kind: 'referrers', repository: 'a', digest } },
    {
      path: '/v2/a/blobs/uploads/manifests/tags',
      request: { kind: 'manifest', repository: 'a/blobs/uploads', reference: 'tags' },
    },
    { path: '/v2/manifests/tags/list', request: { kind: 'tags', repository: 'manifests' } },
    { path: '/v2/uploads/blobs/uploads/', request: { kind: 'uploads', repository: 'uploads' } },
  ])('reads $path', ({ path, request }) => expect(parseRequest(path)).toEqual(request));

  it.each([
    '/',
    '/v1/x',
    '/v2/a',
    '/v2/a/tags/other',
    '/v2//manifests',
    '/v2/a/manifests/',
    '/v2x/a/tags/list',
  ])('knows nothing at %s', (path) => expect(parseRequest(path)).toBeUndefined());

  it.each([
    '/v2/A/manifests/v1',
    '/v2/a//b/tags/list',
    '/v2/../x/blobs/y',
    '/v2/%2e%2e/tags/list',
    '/v2/a%/tags/list',
  ])('refuses the name in %s', (path) =>
    expect(() => parseRequest(path)).toThrow(expect.objectContaining({ code: 'NAME_INVALID' })),
  );

  it('fails on any path only in the way that callers expect', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          parseRequest(`/v2/${text}`);
        } catch (error) {
          expect(error).toBeInstanceOf(OciError);
        }
      }),
    );
  });
});
