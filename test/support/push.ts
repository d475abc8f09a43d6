import { createHash } from 'node:crypto';
import { type HttpOptions, http } from './http.js';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** What a test image is made of; `manifest` is pushed last. */
export type TestImage = Readonly<{ blobs: readonly Buffer[]; manifest: Buffer; digest: string }>;

/** A small image of its own for each `seed`. */
export function testImage(seed: string): TestImage {
  const blobs = [Buffer.from(`{"seed":${JSON.stringify(seed)}}`), Buffer.from(`layer of ${seed}`)];
  const [config, layer] = blobs.map((bytes, i) => ({
    mediaType: `application/vnd.oci.image.${i === 0 ? 'config.v1+json' : 'layer.v1.tar'}`,
    digest: sha256(bytes),
    size: bytes.length,
  }));
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] }),
  );
  return { blobs, manifest, digest: sha256(manifest) };
}

/** Pushes blobs and manifest. @throws {Error} at the first answer that is not 201. */
export async function pushImage(
  url: string,
  repository: string,
  tag: string,
  image: TestImage,
  options: HttpOptions = {},
): Promise<void> {
  for (const bytes of image.blobs) {
    const target = `${url}/v2/${repository}/blobs/uploads/?digest=${sha256(bytes)}`;
    expectCreated(await http(target, { ...options, method: 'POST', body: bytes }), target);
  }
  const target = `${url}/v2/${repository}/manifests/${tag}`;
  const headers = { ...options.headers, 'content-type': MANIFEST };
  expectCreated(await http(target, { ...options, method: 'PUT', body: image.manifest, headers }), target);
}

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The value of an Authorization header. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function expectCreated({ status, body }: { status: number; body: Buffer }, target: string): void {
  if (status !== 201) throw new Error(`${target} answered ${status}: ${body.toString()}`);
}
