import { once } from 'node:events';
import type { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { NamedProxy } from './proxies.js';

type Destination = Readonly<{ host?: string | null | undefined; port?: string | number | null | undefined }>;

const MAX_CONNECT_MS = 30_000;
const DEFAULT_PORT = 1080;

/** Lets an agent connect by way of a SOCKS 5 proxy alone. The proxy finds the host, with `socks5:` too, as for Go. */
export function leadThroughSocks<A extends HttpAgent>(agent: A, proxy: NamedProxy): A {
  const direct = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    openTunnel(proxy, options).then(
      (socket) => callback?.(null, agent instanceof HttpsAgent ? secured(socket) : socket),
      (error: Error) => callback?.(error, undefined as never), // nobody looks at it then
    );
    const secured = (socket: Socket) => direct({ ...options, socket } as typeof options) ?? socket;
    return undefined;
  };
  return agent;
}

/** RFC 1928, 1929. @throws {Error} ERR_PROXY_TUNNEL: the proxy does not lead there; else as of a socket. */
async function openTunnel({ url }: NamedProxy, { host, port }: Destination): Promise<Socket> {
  const proxy = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || DEFAULT_PORT),
    type: 5 as const,
    ...(url.username !== '' && {
      userId: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    }),
  };
  const socket = connect(proxy.port, proxy.host);
  const timer = setTimeout(() => socket.destroy(new SlowProxyError()), MAX_CONNECT_MS);
  try {
    await once(socket, 'connect');
    await shakeHands(socket, proxy, { host: host ?? 'localhost', port: Number(port) });
    return socket;
  } catch (error) {
    const why = socket.errored ?? error;
    socket.destroy();
    throw why;
  } finally {
    clearTimeout(timer);
  }
}

async function shakeHands(
  socket: Socket,
  proxy: Readonly<{ host: string; port: number; type: 5; userId?: string; password?: string }>,
  destination: Readonly<{ host: string; port: number }>,
): Promise<void> {
  const { SocksClient } = await import('socks');
  const client = { existing_socket: socket, proxy, destination, command: 'connect' as const };
  await SocksClient.createConnection({ ...client, timeout: MAX_CONNECT_MS }).catch((error: Error) => {
    throw new TunnelError(error);
  });
}

/** As Node calls it for proxies that speak HTTP. */
class TunnelError extends Error {
  readonly code = 'ERR_PROXY_TUNNEL';

  constructor(cause: Error) {
    super(cause.message.replace(/^Socks5 proxy rejected connection - /, 'it says '), { cause });
  }
}

class SlowProxyError extends Error {
  readonly code = 'ETIMEDOUT';

  constructor() {
    super(`no connection after ${MAX_CONNECT_MS / 1000} s`);
  }
}
