import { createHash } from 'node:crypto';
import { Connection, expectStatus, requestHead } from './connection.ts';
import { timed, type Work } from './work.ts';

export type Descriptor = Readonly<{ mediaType: string; digest: string; size: number }>;

/** The same request again and again for a while. */
export type RepeatOrder = Readonly<{
  kind: 'repeat';
  port: number;
  method: 'GET' | 'HEAD';
  path: string;
  headers: readonly string[];
  connections: number;
  seconds: number;
}>;

/** Manifests that the server has not seen, each under a tag of its own. */
export type ManifestsOrder = Readonly<{
  kind: 'manifests';
  port: number;
  repository: string;
  config: Descriptor;
  layer: Descriptor;
  count: number;
  connections: number;
}>;

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

export async function repeat(order: RepeatOrder): Promise<Work> {
  const head = requestHead(order.method, order.path, order.headers);
  const connections = await openAll(order);
  const end = performance.now() + order.seconds * 1000;
  let requests = 0;
  let bytes = 0;
  const time = await timed(() =>
    Promise.all(
      connections.map(async (connection) => {
        do {
          const { headers } = await expectStatus(connection, 200, { head });
          bytes += Number(headers.get('content-length') ?? 0);
          requests += 1;
        } while (performance.now() < end);
      }),
    ),
  );
  closeAll(connections);
  return { ...time, bytes, requests, digests: [] };
}

let pushed = 0;

export async function pushManifests(order: ManifestsOrder): Promise<Work> {
  const queue = Array.from({ length: order.count }, () => newManifest(order));
  const digests = queue.map(({ digest }) => digest);
  const connections = await openAll(order);
  const time = await timed(() =>
    Promise.all(
      connections.map(async (connection) => {
        for (let manifest = queue.shift(); manifest; manifest = queue.shift()) {
          await expectStatus(connection, 201, manifest);
        }
      }),
    ),
  );
  closeAll(connections);
  return { ...time, bytes: 0, requests: digests.length, digests };
}

function newManifest({ repository, config, layer }: ManifestsOrder) {
  pushed += 1;
  const bytes = manifestBytes(config, [layer], { number: `${process.pid}-${pushed}` });
  const head = requestHead('PUT', `/v2/${repository}/manifests/v${process.pid}-${pushed}`, [
    `Content-Type: ${MANIFEST_TYPE}`,
    `Content-Length: ${bytes.length}`,
  ]);
  return { head, body: [bytes], digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

/** @see image-spec manifest.md */
export function manifestBytes(
  config: Descriptor,
  layers: readonly Descriptor[],
  annotations: Readonly<Record<string, string>> = {},
): Buffer {
  const manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers, annotations };
  return Buffer.from(JSON.stringify(manifest));
}

function openAll({ port, connections }: { port: number; connections: number }): Promise<Connection[]> {
  return Promise.all(Array.from({ length: connections }, () => Connection.open(port)));
}

function closeAll(connections: readonly Connection[]): void {
  for (const connection of connections) connection.close();
}
