import { S3Proxy } from '../test/support/s3-proxy.ts';
import type { Side } from './bench.ts';
import type { Bucket } from './bucket.ts';
import type { Order } from './client.ts';
import type { ClientProcess } from './client-process.ts';
import { RunningServer } from './peers.ts';
import type { RowResult } from './results.ts';
import { IMAGE_REPOSITORY } from './rows.ts';

/** Of each thing that is done; the first of them, which warms caches, is not counted. */
const COUNT = 8;
const BLOB_BYTES = 2 ** 20;

type Counted = Readonly<{ id: string; title: string; order: (port: number, side: Side) => Order }>;

const COUNTED: readonly Counted[] = [
  { id: 'patch', title: 'push of 1 MiB, POST, PATCH in chunks, PUT', order: pushOf('patch') },
  { id: 'put', title: 'push of 1 MiB, POST, PUT', order: pushOf('put') },
  {
    id: 'pull',
    title: 'pull of 1 MiB',
    order: (port, { content }) => ({
      kind: 'pull',
      port,
      repository: IMAGE_REPOSITORY,
      digests: Array<string>(COUNT).fill(content?.small[0] ?? ''),
      clients: 1,
      mode: 'share',
    }),
  },
  {
    id: 'manifest',
    title: 'manifest PUT',
    order: (port, { content }) => {
      if (content === undefined) throw new Error('nothing was pushed before');
      const { config, layer } = content;
      return {
        kind: 'manifests',
        port,
        repository: IMAGE_REPOSITORY,
        config,
        layer,
        count: COUNT,
        connections: 1,
      };
    },
  },
];

/** What each thing asks of S3, which no other work on the machine changes. */
export async function requestRows(
  client: ClientProcess,
  bucket: Bucket,
  account: { endpoint: string },
  { berth, peer }: { berth: Side; peer: Side | undefined },
): Promise<RowResult[]> {
  const ours = await countAll(client, bucket, account, berth);
  const theirs = peer && (await countAll(client, bucket, account, peer));
  return COUNTED.map(({ id, title }) => ({
    id: `requests-${id}`,
    title: `requests to S3 of a ${title}`,
    unit: 'requests',
    better: 'lower',
    target: { ratio: 1 },
    berth: [{ value: ours.get(id) ?? Number.NaN }],
    peer: theirs && [{ value: theirs.get(id) ?? Number.NaN }],
  }));
}

async function countAll(
  client: ClientProcess,
  bucket: Bucket,
  { endpoint }: { endpoint: string },
  side: Side,
): Promise<ReadonlyMap<string, number>> {
  await using proxy = await S3Proxy.start(endpoint);
  const storage = bucket.storageBelow(side.program.name, proxy.endpoint);
  const server = await RunningServer.start(side.program, { ...side.folder, storage });
  try {
    const counts = new Map<string, number>();
    for (const { id, order } of COUNTED) {
      await client.ask(order(server.port, side));
      const before = proxy.requests.length;
      await client.ask(order(server.port, side));
      counts.set(id, (proxy.requests.length - before) / COUNT);
    }
    return counts;
  } finally {
    await server.stop();
  }
}

function pushOf(way: 'patch' | 'put') {
  return (port: number): Order => ({
    kind: 'push',
    port,
    repository: 'bench/counted',
    way,
    count: COUNT,
    bytes: BLOB_BYTES,
    clients: 1,
  });
}
