import { readdir } from 'node:fs/promises';
import { expect } from 'vitest';
import { BerthProcess } from './berth-process.js';
import { http } from './http.js';
import { sha256, type TestImage } from './push.js';
import type { RecordingProxy } from './recording-proxy.js';

/** An image whose only layer is `content`. */
export function imageWith(content: Buffer): TestImage {
  const config = Buffer.from('{}');
  const descriptor = (bytes: Buffer, kind: string) => ({
    mediaType: `application/vnd.oci.image.${kind}`,
    digest: sha256(bytes),
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor(config, 'config.v1+json'),
      layers: [descriptor(content, 'layer.v1.tar')],
    }),
  );
  return { blobs: [config, content], manifest, digest: sha256(manifest) };
}

/** A registry with one part that is a copy, `mirror`, and the rest its own. */
export function startWith(url: string, more: object = {}, config: object = {}): Promise<BerthProcess> {
  const upstreams = [{ prefix: 'mirror', url, namespaces: ['up.example'], recheck: '0s', ...more }];
  return BerthProcess.start({ config: { berth: { upstreams }, ...config } });
}

export const ANY = { accept: '*/*, application/vnd.oci.image.manifest.v1+json' };

export function manifestOf({ url }: { url: string }, repository: string, reference: string) {
  return http(`${url}/v2/${repository}/manifests/${reference}`, { headers: ANY });
}

export function blobOf({ url }: { url: string }, repository: string, bytes: Buffer) {
  return http(`${url}/v2/${repository}/blobs/${sha256(bytes)}`);
}

export async function pull(berth: { url: string }, repository: string, image: TestImage): Promise<void> {
  const { status, body } = await manifestOf(berth, repository, 'v1');
  expect([status, sha256(body)]).toEqual([200, image.digest]);
  for (const bytes of image.blobs) {
    const answer = await blobOf(berth, repository, bytes);
    expect([answer.status, sha256(answer.body)]).toEqual([200, sha256(bytes)]);
  }
}

export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** Half of what a layer is passes the proxy, and the rest once `goOn` is called; `isHeld` says whether it waits for that. */
export function holdHalfway(proxy: RecordingProxy, layer: Buffer) {
  const { promise, resolve: goOn } = Promise.withResolvers<void>();
  let passed = 0;
  const isHeld = () => passed > layer.length / 2;
  proxy.change = async (chunk, { url = '' }) => {
    if (!url.includes(sha256(layer))) return chunk;
    passed += chunk.length;
    if (isHeld()) await promise;
    return chunk;
  };
  return { goOn, isHeld };
}
