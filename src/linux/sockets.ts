import { closeSync } from 'node:fs';
import { attempt, call, LinuxError } from './libc.js';

export type SocketProtocol = 'tcp' | 'udp' | 'sctp';

const SOCKET = 'int socket(int domain, int type, int protocol)';
const BIND = 'int bind(int fd, const void *address, int length)';
const LISTEN = 'int listen(int fd, int backlog)';
const SETSOCKOPT = 'int setsockopt(int fd, int level, int name, const void *value, int length)';
const GETSOCKNAME = 'int getsockname(int fd, void *address, void *length)';
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_CLOEXEC = 0o2000000;
const STREAM = 1;
const DATAGRAM = 2;
const IPPROTO_SCTP = 132;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;

/**
 * Takes a port of this machine without serving it: nobody else can have it until the descriptor is closed everywhere.
 * @param address 4 bytes, or the 16 of IPv6. @param port 0: any free one.
 * @returns the descriptor, which programs are given only if it is handed to them, and the port.
 * @throws {LinuxError} `EADDRINUSE` somebody has it, `EADDRNOTAVAIL` the address is not of this machine, `EACCES`.
 */
export function takePort(
  address: Uint8Array,
  port: number,
  protocol: SocketProtocol,
): { fd: number; port: number } {
  const subject = `port ${port}/${protocol}`;
  const isSix = address.length === 16;
  const type = protocol === 'udp' ? DATAGRAM : STREAM;
  const fd = call(SOCKET, subject, [
    isSix ? AF_INET6 : AF_INET,
    type | SOCK_CLOEXEC,
    protocol === 'sctp' ? IPPROTO_SCTP : 0,
  ]);
  try {
    if (isSix) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    // What is left of old connections is no hindrance; two that listen still exclude each other.
    if (protocol !== 'udp') setOption(fd, SOL_SOCKET, SO_REUSEADDR);
    const wanted = socketAddress(address, port);
    const bound = attempt(BIND, [fd, wanted, wanted.length]);
    if (bound < 0) throw new LinuxError('bind', subject, -bound);
    const listening = protocol === 'udp' ? 0 : attempt(LISTEN, [fd, 1]);
    if (listening < 0) throw new LinuxError('listen', subject, -listening);
    return { fd, port: port || boundPort(fd, subject) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function setOption(fd: number, level: number, name: number): void {
  const one = Buffer.from(Int32Array.of(1).buffer);
  call(SETSOCKOPT, `descriptor ${fd}`, [fd, level, name, one, one.length]);
}

function boundPort(fd: number, subject: string): number {
  const address = Buffer.alloc(28);
  call(GETSOCKNAME, subject, [fd, address, Buffer.from(Int32Array.of(address.length).buffer)]);
  return address.readUInt16BE(2);
}

/** `struct sockaddr_in` or `sockaddr_in6`: ip(7), ipv6(7). */
function socketAddress(address: Uint8Array, port: number): Buffer {
  const isSix = address.length === 16;
  const bytes = Buffer.alloc(isSix ? 28 : 16);
  bytes.set(new Uint8Array(Uint16Array.of(isSix ? AF_INET6 : AF_INET).buffer));
  bytes.writeUInt16BE(port, 2);
  bytes.set(address, isSix ? 8 : 4);
  return bytes;
}
