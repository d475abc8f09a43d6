import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hijack, takeBody, wantsUpgrade } from '../../src/engine/hijack.js';
import { frameHeader, MULTIPLEXED, RAW, streamType } from '../../src/engine/stream-frames.js';

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
const MAX_BYTES = 100;

/** Answers with the body in a frame of stderr, then with what is put in, in frames of stdout, until that ends. */
async function echo(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const { body, rest } = await takeBody(message, socket, head, MAX_BYTES);
  const { input } = hijack(socket, rest, MULTIPLEXED);
  socket.write(Buffer.concat([frameHeader('stderr', body.length), body]));
  for await (const chunk of input) socket.write(Buffer.concat([frameHeader('stdout', chunk.length), chunk]));
  socket.end();
}

let port: number;
const server = createServer({ shouldUpgradeCallback: wantsUpgrade });

beforeAll(async () => {
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    echo(message, socket, head).catch(() => socket.destroy());
  });
  server.on('request', (_message, answer) => answer.end('plain'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

afterAll(() => server.close());

async function open(): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

async function readAll(socket: Socket): Promise<string> {
  return Buffer.concat(await Array.fromAsync(socket)).toString('latin1');
}

describe('a hijacked connection', () => {
  it('gives the body and the input apart, though they come together', async () => {
    const socket = await open();
    socket.write(`POST /exec HTTP/1.1\r\nHost: x\r\n${UPGRADE}Content-Length: 2\r\n\r\n{}inp`);
    socket.end('ut');
    const said = await readAll(socket);
    const [head = '', body = ''] = said.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 101 UPGRADED\r\n/);
    expect(head).toContain(`Content-Type: ${MULTIPLEXED}`);
    expect(body.startsWith('\x02\0\0\0\0\0\0\x02{}\x01\0\0\0\0\0\0')).toBe(true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: headers of frames
    expect(body.slice(10).replace(/\x01\0\0\0\0\0\0./g, '')).toBe('input');
  });

  it('waits for a body that comes in pieces', async () => {
    const socket = await open();
    socket.write(`POST /exec HTTP/1.1\r\nHost: x\r\n${UPGRADE}Content-Length: 4\r\n\r\n{`);
    setTimeout(() => socket.end('"a}'), 20);
    expect(await readAll(socket)).toContain('\x02\0\0\0\0\0\0\x04{"a}');
  });

  it('is not made with a body that is too long', async () => {
    const socket = await open();
    socket.write(`POST /exec HTTP/1.1\r\nHost: x\r\n${UPGRADE}Content-Length: 101\r\n\r\n`);
    expect(await readAll(socket).catch(() => '')).toBe('');
  });

  it('is left alone when the client wants something else', async () => {
    const socket = await open();
    socket.write('POST /grpc HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n');
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});

describe('streamType', () => {
  it.each([
    [{ tty: false, version: 47 }, MULTIPLEXED],
    [{ tty: true, version: 47 }, RAW],
    [{ tty: false, version: 41 }, RAW],
  ])('of %j is %s', (options, expected) => expect(streamType(options)).toBe(expected));
});
