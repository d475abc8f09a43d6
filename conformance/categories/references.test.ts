import { expect } from 'vitest';
import { errorCodes, expectBytes, expectError, expectRefused, expectStatus } from '../checks.ts';
import * as content from '../content.ts';
import { category, requirement } from '../requirement.ts';

category('references', () => {
  // A registry may require its blobs, and then has to say which one it misses.
  requirement(
    'D39.1',
    'MUST',
    'says MANIFEST_BLOB_UNKNOWN if it refuses a missing blob',
    async ({ repository, skip }) => {
      const target = repository();
      const config = await target.pushBlob(content.imageConfig());
      const answer = await target.putManifest('v1', content.imageManifest(config, [content.randomBlob()]));
      if (answer.status === 201) skip('takes manifests without their blobs');
      expectRefused(answer, 'a missing layer');
      expect(errorCodes(answer)[0], String(answer)).toBe('MANIFEST_BLOB_UNKNOWN');
    },
  );

  requirement('D39.2', 'MUST', 'takes an image without layers', async ({ repository }) => {
    const target = repository();
    const manifest = content.imageManifest(await target.pushBlob(content.imageConfig()), []);
    expectStatus(await target.putManifest('v1', manifest), 201);
  });

  requirement('D39.3', 'MUST', 'takes an empty index', async ({ repository }) => {
    const target = repository();
    const index = content.indexOf([], { annotations: { nonce: content.nonce() } });
    expectStatus(await target.putManifest('v1', index), 201);
    expectBytes(await target.getManifest('v1'), index.bytes);
  });

  // Containerd understands only 400 as "the index has holes".
  requirement(
    'C13.1',
    'SHOULD',
    'refuses a missing child of an index with 400, if at all',
    async ({ repository, skip }) => {
      const absent = content.imageManifest(content.imageConfig(), []);
      const answer = await repository().putManifest(
        'v1',
        content.indexOf([content.manifestDescriptor(absent)]),
      );
      if (answer.status === 201) skip('takes sparse indexes: see C13.2');
      expectError(answer, 400, 'MANIFEST_BLOB_UNKNOWN');
    },
  );

  // Mirrors keep only the platforms that they need.
  requirement('C13.2', 'MAY', 'takes a sparse index', async ({ repository, skip }) => {
    const target = repository();
    const platform = { architecture: 'amd64', os: 'linux' };
    const absent = content.imageManifest(content.imageConfig(), []);
    const children = [await target.pushImage(), absent].map((child) =>
      content.manifestDescriptor(child, { platform }),
    );
    const index = content.indexOf(children);
    const answer = await target.putManifest('v1', index);
    if (answer.status === 400) skip('wants every child (400)');
    expectStatus(answer, 201);
    expectBytes(await target.getManifest('v1'), index.bytes);
  });
});
