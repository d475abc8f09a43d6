import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ListenOptions } from 'node:net';

/** Lower than what Linux gives to connections that go out (ip_local_port_range): none of them has it when it is wanted. */
const FIRST = 10_000;
const END = 32_768;

/** A TCP port that nobody listens on, and that nobody else gets from here for as long as this process runs. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END);
    if ((await isOurs(port)) && (await isFree({ port, host }))) return port;
  }
}

/** Whether no other process of tests has it: what it is held by is a name that ends with the process. */
async function isOurs(port: number): Promise<boolean> {
  return (await listens({ path: `\0berth-test-port-${port}` })) !== undefined;
}

async function isFree(options: ListenOptions): Promise<boolean> {
  const server = await listens(options);
  if (server === undefined) return false;
  server.close();
  await once(server, 'close');
  return true;
}

/** @returns `undefined` where somebody else does. */
async function listens(options: ListenOptions) {
  const server = createServer().unref();
  try {
    await once(server.listen(options), 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return undefined;
  }
}
