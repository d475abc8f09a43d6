import { Connection, expectStatus, type Line, requestHead } from './connection.ts';
import { prepare, pushOne } from './push.ts';
import { MANIFEST_TYPE, manifestBytes } from './requests.ts';
import { type PushedImage, timed, type Work } from './work.ts';

/** Tells the client to end an order that goes on until then. */
export const ENOUGH = 'enough';

/** Small images, one after the other by each client, until the harness says that it is enough. */
export type ImagesOrder = Line &
  Readonly<{
    kind: 'images';
    port: number;
    repository: string;
    layers: number;
    bytes: number;
    clients: number;
  }>;

/** Contents are made between the pushes: that is part of the pause between two of them, on each side. */
export async function pushImages(order: ImagesOrder, signal: AbortSignal): Promise<Work> {
  const images: PushedImage[] = [];
  const connections = await Promise.all(
    Array.from({ length: order.clients }, () => Connection.open(order.port, order)),
  );
  const time = await timed(() =>
    Promise.all(
      connections.map(async (connection, client) => {
        while (!signal.aborted) images.push(await pushImage(connection, order, `${client}`));
      }),
    ),
  );
  for (const connection of connections) connection.close();
  const bytes = images.length * order.layers * order.bytes;
  return { ...time, bytes, requests: images.length, digests: [], images };
}

async function pushImage(
  connection: Connection,
  { repository, layers, bytes }: ImagesOrder,
  tag: string,
): Promise<PushedImage> {
  const blobs = Array.from({ length: layers }, () => prepare(bytes, 'put'));
  const start = performance.now();
  for (const blob of blobs) await pushOne(connection, repository, 'put', blob);
  const [config, ...rest] = blobs.map(({ content: { digest, size } }, i) => ({
    mediaType: `application/vnd.oci.image.${i === 0 ? 'config.v1+json' : 'layer.v1.tar'}`,
    digest,
    size,
  }));
  if (config === undefined) throw new Error('an image has a config at least');
  const body = manifestBytes(config, rest);
  const head = requestHead('PUT', `/v2/${repository}/manifests/client-${tag}`, [
    `Content-Type: ${MANIFEST_TYPE}`,
    `Content-Length: ${body.length}`,
  ]);
  await expectStatus(connection, 201, { head, body: [body] });
  return { at: Date.now(), milliseconds: performance.now() - start };
}
