import { Connection, expectStatus, requestHead } from './connection.ts';
import { type Content, chunkedPieces, newContent } from './content.ts';
import { timed, type Work } from './work.ts';

/** `patch`: POST, PATCH in chunks, PUT (docker, podman). `put`: POST, PUT of the whole (containerd). */
export type PushWay = 'patch' | 'put';

export type PushOrder = Readonly<{
  kind: 'push';
  port: number;
  repository: string;
  way: PushWay;
  /** Blobs in all, shared by the clients. */
  count: number;
  bytes: number;
  clients: number;
}>;

type Prepared = Readonly<{ content: Content; wire: readonly Buffer[] }>;

/** Pushes blobs that the server has not seen. Making and hashing them is not part of the time. */
export async function push({ port, repository, way, count, bytes, clients }: PushOrder): Promise<Work> {
  const prepared = Array.from({ length: count }, () => prepare(bytes, way));
  const queue = [...prepared];
  const connections = await Promise.all(Array.from({ length: clients }, () => Connection.open(port)));
  const time = await timed(() =>
    Promise.all(
      connections.map(async (connection) => {
        for (let blob = queue.shift(); blob; blob = queue.shift()) {
          await pushOne(connection, repository, way, blob);
        }
      }),
    ),
  );
  for (const connection of connections) connection.close();
  const digests = prepared.map(({ content }) => content.digest);
  return { ...time, bytes: count * bytes, requests: count, digests };
}

/** @param size bytes, in whole MiB. */
export function prepare(size: number, way: PushWay): Prepared {
  const content = newContent(size);
  return { content, wire: way === 'patch' ? chunkedPieces(content) : content.pieces };
}

export async function pushOne(
  connection: Connection,
  repository: string,
  way: PushWay,
  { content, wire }: Prepared,
): Promise<void> {
  const head = requestHead('POST', `/v2/${repository}/blobs/uploads/`, ['Content-Length: 0']);
  let location = pathOf((await expectStatus(connection, 202, { head })).headers.get('location'));
  const type = 'Content-Type: application/octet-stream';
  if (way === 'patch') {
    const patch = requestHead('PATCH', location, [type, 'Transfer-Encoding: chunked']);
    const answer = await expectStatus(connection, 202, { head: patch, body: wire });
    location = pathOf(answer.headers.get('location'));
  }
  const finish = `${location}${location.includes('?') ? '&' : '?'}digest=${content.digest}`;
  const length = way === 'patch' ? 0 : content.size;
  const put = requestHead('PUT', finish, [type, `Content-Length: ${length}`]);
  await expectStatus(connection, 201, { head: put, ...(way === 'put' ? { body: wire } : {}) });
}

/** Servers may answer with a whole URL or with a path. RFC 9110 section 10.2.2. */
function pathOf(location: string | undefined): string {
  const { pathname, search } = new URL(location ?? '', 'http://127.0.0.1');
  return `${pathname}${search}`;
}
