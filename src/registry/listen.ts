import { lstat, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Address } from './config/index.js';

export type ListenAddress = Address | Readonly<{ path: string }>;

/**
 * @param key of the configuration, for the address.
 * @returns where it listens: `host:port`, or the path of a unix socket.
 */
export async function listen(server: Server, address: ListenAddress, key: string): Promise<string> {
  try {
    await listening(server, address);
  } catch (error) {
    if (!('path' in address) || !(await isLeftOver(address.path, error)))
      throw cannotListen(address, key, error);
    await rm(address.path);
    await listening(server, address).catch((again) => {
      throw cannotListen(address, key, again);
    });
  }
  return addressText(server.address());
}

async function listening(server: Server, address: ListenAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...address }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** A socket that nobody listens at any more, since its process was killed. */
async function isLeftOver(path: string, error: unknown): Promise<boolean> {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return false;
  if (!(await lstat(path)).isSocket()) return false; // to connect to a file is refused too
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  });
}

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'permission denied, as it is below port 1024 without root or CAP_NET_BIND_SERVICE',
  ENOTFOUND: 'nobody knows that name',
  EAI_AGAIN: 'nobody knows that name',
};

function cannotListen(listen: ListenAddress, key: string, error: unknown): Error {
  const where = 'path' in listen ? listen.path : `${listen.host ?? ''}:${listen.port}`;
  const { code, message } = error as NodeJS.ErrnoException;
  const why = LISTEN_FAILURES[code ?? ''] ?? message;
  return new Error(`cannot listen on ${where}: ${why}; choose another address with ${key}`, {
    cause: error,
  });
}

function addressText(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return address ?? '';
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}
