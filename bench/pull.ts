import { createHash } from 'node:crypto';
import { Connection, expectStatus, requestHead } from './connection.ts';
import { timed, type Work } from './work.ts';

export type PullOrder = Readonly<{
  kind: 'pull';
  port: number;
  repository: string;
  digests: readonly string[];
  /** `each`: every client pulls all blobs, as nodes of a cluster do. `share`: together they pull each blob once. */
  clients: number;
  mode: 'each' | 'share';
  /** Hashes what comes, which is too slow to time. */
  verify?: boolean;
}>;

/** @throws {Error} a blob is not what its digest says (only with `verify`), or not there. */
export async function pull({ port, repository, digests, clients, mode, verify }: PullOrder): Promise<Work> {
  const connections = await Promise.all(Array.from({ length: clients }, () => Connection.open(port)));
  const shared = [...digests];
  let bytes = 0;
  let requests = 0;
  const time = await timed(() =>
    Promise.all(
      connections.map(async (connection) => {
        const queue = mode === 'each' ? [...digests] : shared;
        for (let digest = queue.shift(); digest; digest = queue.shift()) {
          const size = await pullOne(connection, repository, digest, { verify: verify === true });
          bytes += size; // not in one step: `+=` would forget what others added meanwhile
          requests += 1;
        }
      }),
    ),
  );
  for (const connection of connections) connection.close();
  return { ...time, bytes, requests, digests };
}

async function pullOne(
  connection: Connection,
  repository: string,
  digest: string,
  { verify }: { verify: boolean },
): Promise<number> {
  const hash = verify ? createHash('sha256') : undefined;
  const head = requestHead('GET', `/v2/${repository}/blobs/${digest}`);
  const { headers } = await expectStatus(connection, 200, {
    head,
    ...(hash ? { onBody: (bytes) => hash.update(bytes) } : {}),
  });
  if (hash && `sha256:${hash.digest('hex')}` !== digest) throw new Error(`${digest} came back changed`);
  return Number(headers.get('content-length'));
}
