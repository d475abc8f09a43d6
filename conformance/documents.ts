import { expectBytes, expectHeader, expectStatus } from './checks.ts';
import * as content from './content.ts';
import { OCI_MANIFEST } from './media-types.ts';
import type { Repository } from './repository.ts';
import { requirement } from './requirement.ts';

/** A document that a registry has to store: what pushes its parts, and makes it. */
export type Kind = readonly [
  id: string,
  level: 'MUST' | 'SHOULD',
  title: string,
  prepare: (target: Repository) => Promise<content.Manifest>,
];

/** Pushes blobs and describes them. */
export async function pushedBlob(
  target: Repository,
  mediaType: string,
  bytes: Uint8Array | string = content.nonce(),
) {
  return content.descriptorOf(await target.pushBlob(content.blobOf(bytes)), mediaType);
}

/** An image manifest of these descriptors. */
export function manifestFrom(
  config: content.Descriptor,
  layers: content.Descriptor[],
  more: Record<string, unknown> = {},
) {
  return content.manifestOf(OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config,
    layers,
    ...more,
  });
}

/** One requirement for each: it comes back as it was pushed. */
export function storesAndServes(kinds: readonly Kind[]): void {
  for (const [id, level, title, prepare] of kinds) {
    requirement(id, level, `stores and serves ${title}`, async ({ repository }) => {
      const target = repository();
      const manifest = await prepare(target);
      expectStatus(await target.putManifest('v1', manifest), 201);
      const answer = await target.getManifest('v1');
      expectBytes(answer, manifest.bytes);
      expectHeader(answer, 'Content-Type', manifest.mediaType);
    });
  }
}
