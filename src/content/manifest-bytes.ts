/** Manifests are read into memory, so they have a maximum; that of registries is 4 MiB. */
export const MAX_MANIFEST_BYTES = 8 * 1024 * 1024;

/** All of a manifest. @throws {RangeError} it is too large. */
export async function readManifestBytes(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > MAX_MANIFEST_BYTES) throw new RangeError(`a manifest has at most ${MAX_MANIFEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** What is in memory, as the content of an endpoint. */
export async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
