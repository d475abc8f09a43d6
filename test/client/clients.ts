import { randomBytes } from 'node:crypto';
import {
  type Credentials,
  fixedCredentials,
  RegistryClient,
  type RegistryClientOptions,
  type Repository,
  TrustFolders,
} from '../../src/client/index.js';
import { type Descriptor, MEDIA_TYPES, parseDigest, parseRepositoryName } from '../../src/oci/index.js';
import { type FakeRegistry, sha256 } from './fake-registry.js';

export const ALICE: Credentials = { user: 'alice', password: 'correct horse' };

/** A client that does not wait long, knows nobody, and looks into no folder. */
export function openClient(
  options: Partial<RegistryClientOptions> & { as?: Credentials } = {},
): RegistryClient {
  const { as, ...rest } = options;
  return new RegistryClient({
    credentials: as === undefined ? { find: async () => undefined } : fixedCredentials(as),
    trust: new TrustFolders({ folders: [] }),
    retries: 3,
    retryBaseMs: 1,
    silenceMs: 5000,
    ...rest,
  });
}

export function repositoryAt(
  registry: FakeRegistry,
  name = 'team/app',
  options: Parameters<typeof openClient>[0] = {},
): Repository {
  return openClient(options).repository(registry.address, parseRepositoryName(name));
}

export type Content = Readonly<{ descriptor: Descriptor; bytes: Buffer }>;

export function blobOf(size: number): Content {
  return describeBytes(randomBytes(size), MEDIA_TYPES.ociLayerGzip);
}

export function manifestOf(members: object = {}): Content {
  const config = { mediaType: MEDIA_TYPES.ociEmpty, digest: sha256(Buffer.from('{}')), size: 2 };
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: [], ...members };
  return describeBytes(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.ociManifest);
}

function describeBytes(bytes: Buffer, mediaType: string): Content {
  return { descriptor: { mediaType, digest: parseDigest(sha256(bytes)), size: bytes.length }, bytes };
}

/** Opens content as a source of pushes, in pieces. */
export function opener({ bytes }: Pick<Content, 'bytes'>, pieceBytes = 64 * 1024) {
  return async (offset: number) => pieces(bytes.subarray(offset), pieceBytes);
}

async function* pieces(bytes: Buffer, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes)
    yield bytes.subarray(start, start + pieceBytes);
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
