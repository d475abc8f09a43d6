import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { CephCluster } from './ceph-cluster.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A socket that answers with an `S3Account`, as JSON, or with why there is none. */
    s3Socket: string;
    /** A socket that restarts the service, and answers once it is there again. Only for who has the service to himself. */
    s3RestartSocket: string;
  }
}

/**
 * Starts what is too slow to be started by each test file: when the first one asks for it, and once in a run. It ends with
 * the run.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await temporaryFolder('shared');
  const servers: Server[] = [];
  let started: Promise<{ cluster: CephCluster; data: TemporaryFolder }> | undefined;
  const answering = (name: string, answer: () => Promise<unknown>) => {
    const path = join(folder.path, name);
    const server = createServer(async (socket) => {
      socket.on('error', () => {});
      const text = await answer().catch((error: unknown) => ({ error: String(error) }));
      socket.end(JSON.stringify(text));
    });
    servers.push(server.listen(path));
    return path;
  };
  const cluster = async () => {
    started ??= startCluster();
    return (await started).cluster;
  };
  project.provide(
    's3Socket',
    answering('s3', async () => (await cluster()).account),
  );
  const restart = async () => (await cluster()).restartGateway().then(() => ({}));
  project.provide('s3RestartSocket', answering('s3-restart', restart));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  return async () => {
    for (const server of servers) server.close();
    const running = await started?.catch(() => undefined);
    await running?.cluster[Symbol.asyncDispose]();
    await running?.data[Symbol.asyncDispose]();
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
