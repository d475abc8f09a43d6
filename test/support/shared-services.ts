import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { CephCluster } from './ceph-cluster.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A socket that answers with an `S3Account`, as JSON, or with why there is none. */
    s3Socket: string;
  }
}

/**
 * Starts what is too slow to be started by each test file: when the first one asks for it, and once in a run. It ends with
 * the run.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await temporaryFolder('shared');
  let started: Promise<{ cluster: CephCluster; data: TemporaryFolder }> | undefined;
  const server = createServer(async (socket) => {
    socket.on('error', () => {});
    try {
      started ??= startCluster();
      socket.end(JSON.stringify((await started).cluster.account));
    } catch (error) {
      socket.end(JSON.stringify({ error: String(error) }));
    }
  });
  const path = join(folder.path, 's3');
  server.listen(path);
  await once(server, 'listening');
  project.provide('s3Socket', path);
  return async () => {
    server.close();
    const cluster = await started?.catch(() => undefined);
    await cluster?.cluster[Symbol.asyncDispose]();
    await cluster?.data[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
}

async function startCluster(): Promise<{ cluster: CephCluster; data: TemporaryFolder }> {
  const data = await temporaryFolder('ceph');
  try {
    return { cluster: await CephCluster.start(data.path), data };
  } catch (error) {
    await data[Symbol.asyncDispose]();
    throw error;
  }
}
