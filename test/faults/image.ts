import { expect } from 'vitest';
import { type Answer, exchange } from './exchange.js';
import { digestOf, isContent } from './names.js';
import type { Random } from './random.js';

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

export type Blob = Readonly<{ digest: string; bytes: Buffer }>;
export type Image = Readonly<{ digest: string; bytes: Buffer; blobs: readonly Blob[] }>;

export function blobOf(random: Random, size: number): Blob {
  const bytes = random.bytes(size);
  return { digest: digestOf(bytes), bytes };
}

/** An image with layers of these sizes. */
export function imageOf(random: Random, sizes: readonly number[]): Image {
  const [config = blobOf(random, 300), ...layers] = [300, ...sizes].map((size) => blobOf(random, size));
  const describe = ({ digest, bytes }: Blob) => ({ mediaType: 'x/y', digest, size: bytes.length });
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: describe(config),
    layers: layers.map(describe),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return { digest: digestOf(bytes), bytes, blobs: [config, ...layers] };
}

/** @returns the path of a new upload. */
export async function startUpload(url: string, repository: string): Promise<string> {
  const answer = await exchange(url, 'POST', `/v2/${repository}/blobs/uploads/`);
  expect(answer.status, answer.body.toString()).toBe(202);
  return String(answer.headers.location);
}

/** The usual two requests. @returns the first answer that is not what it should be, or the last. */
export async function pushBlob(url: string, repository: string, { digest, bytes }: Blob): Promise<Answer> {
  const started = await exchange(url, 'POST', `/v2/${repository}/blobs/uploads/`);
  if (started.status !== 202) return started;
  return exchange(url, 'PUT', `${started.headers.location}?digest=${digest}`, { body: bytes });
}

export function putManifest(url: string, repository: string, tag: string, { bytes }: Image): Promise<Answer> {
  const headers = { 'content-type': MANIFEST };
  return exchange(url, 'PUT', `/v2/${repository}/manifests/${tag}`, { body: bytes, headers });
}

/** All of an image. @returns the first answer that is not 201, or the last. */
export async function pushImage(url: string, repository: string, tag: string, image: Image): Promise<Answer> {
  for (const blob of image.blobs) {
    const answer = await pushBlob(url, repository, blob);
    if (answer.status !== 201) return answer;
  }
  return putManifest(url, repository, tag, image);
}

/** The image is there to its last byte. */
export async function expectImage(url: string, repository: string, tag: string, image: Image): Promise<void> {
  const manifest = await exchange(url, 'GET', `/v2/${repository}/manifests/${tag}`);
  expect(manifest.status, manifest.body.toString()).toBe(200);
  expect(manifest.body.equals(image.bytes)).toBe(true);
  for (const blob of image.blobs) await expectBlob(url, repository, blob);
}

export async function expectBlob(url: string, repository: string, { digest }: Blob): Promise<void> {
  const answer = await exchange(url, 'GET', `/v2/${repository}/blobs/${digest}`);
  expect(answer.status, answer.body.toString('utf8', 0, 300)).toBe(200);
  expect(isContent(digest, answer.body)).toBe(true);
}

/** The registry is well: it answers, and takes and gives an image. */
export async function expectHealthy(url: string, random: Random): Promise<void> {
  const image = imageOf(random, [5000]);
  const answer = await pushImage(url, 'faults/health', 'check', image);
  expect(answer.status, answer.body.toString()).toBe(201);
  await expectImage(url, 'faults/health', 'check', image);
}
