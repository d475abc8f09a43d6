import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryUsage } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Body, BodyConnections, type SignedRequest } from '../../../src/storage/s3/body-connections.js';
import { makeCertificate } from '../../registry/tls/certificates.js';

const MIB = 1024 ** 2;

type Answer = (socket: Socket, request: { head: string; connection: number; nth: number }) => void;

describe('BodyConnections', () => {
  it('gets objects of any size over one connection, one after the other', async () => {
    const contents = [0, 1, 65_536, 3 * MIB, 7, 20 * MIB + 1].map((size) => randomBytes(size));
    const service = await serve((socket, { nth }) => send(socket, contents[nth] ?? Buffer.alloc(0)));
    for (const content of contents) {
      const { head, body } = await service.get();
      expect(head).toMatchObject({ statusCode: 200, headers: { 'content-length': `${content.length}` } });
      expect(await hashOf(body)).toBe(hash(content));
      body.close();
    }
    expect(service.connections).toBe(1);
  });

  it('gives nothing more of an object that is over, whoever has its connection now', async () => {
    const service = await serve((socket, { nth }) => send(socket, Buffer.from(`${nth}`)));
    const { body: first } = await service.get();
    expect(await textOf(first)).toBe('0');
    const { body: second } = await service.get();
    expect(await textOf(first)).toBe('');
    first.close();
    expect(await textOf(second)).toBe('1');
    expect(service.connections).toBe(1);
  });

  it('sends what was signed', async () => {
    const heads: string[] = [];
    const service = await serve((socket, { head }) => {
      heads.push(head);
      send(socket, Buffer.alloc(0));
    });
    await service.get({
      path: '/b/a%20b',
      query: { 'x-id': "Get'Object", x: null },
      headers: { range: 'bytes=0-1' },
    });
    expect(heads).toEqual(['GET /b/a%20b?x-id=Get%27Object&x= HTTP/1.1\r\nrange: bytes=0-1\r\n\r\n']);
    await expect(service.get({ headers: { a: 'b\r\nc: d' } })).rejects.toThrow('Invalid character');
  });

  it('understands chunks, and answers that come before the answer', async () => {
    const service = await serve((socket) => {
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      socket.write('3\r\nabc\r\n');
      setTimeout(() => socket.write('2\r\nde\r\n0\r\n\r\n'), 20);
    });
    for (const _ of [1, 2]) {
      const { body } = await service.get();
      expect(await textOf(body)).toBe('abcde');
      body.close();
    }
    expect(service.connections).toBe(1);
  });

  it('takes the end of the connection for that of a body without a length', async () => {
    const service = await serve((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nabc'));
    const { body } = await service.get();
    expect(await textOf(body)).toBe('abc');
  });

  it('reads TLS in large pieces, and only from those whom it trusts', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bodies-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const { certificate, key } = makeCertificate(folder, 'service');
    const content = randomBytes(10 * MIB);
    const server = createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) });
    const trusted = await serve((socket) => send(socket, content), {
      server,
      ca: readFileSync(certificate, 'utf8'),
    });
    for (const _ of [1, 2]) {
      const { body } = await trusted.get();
      const pieces: number[] = [];
      expect(await hashOf(body, { pause: () => sleep(1), pieces })).toBe(hash(content));
      expect(content.length / pieces.length).toBeGreaterThan(20_000); // more than a record
      body.close();
    }
    expect(trusted.connections).toBe(1);
    await expect(trusted.others({}).get()).rejects.toThrow('certificate');
  });

  it('needs no more memory for much than for little', async () => {
    const piece = Buffer.alloc(MIB);
    const service = await serve((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${128 * MIB}\r\n\r\n`);
      for (let i = 0; i < 128; i += 1) socket.write(piece);
    });
    const before = memoryUsage().arrayBuffers;
    const { body } = await service.get();
    let most = 0;
    while ((await body.take()).byteLength > 0) most = Math.max(most, memoryUsage().arrayBuffers - before);
    expect(most).toBeLessThan(2 * MIB);
    body.close();
  });

  it('lets the service wait while nobody takes', async () => {
    let sent = 0;
    const service = await serve((socket) => {
      const piece = Buffer.alloc(MIB);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${256 * MIB}\r\n\r\n`);
      const more = () => {
        sent += piece.length;
        if (sent < 256 * MIB) socket.write(piece, more);
      };
      more();
    });
    const { body } = await service.get();
    await body.take();
    await sleep(300);
    expect(sent).toBeLessThan(64 * MIB);
    body.close();
  });

  it('ends the request when it is closed early', async () => {
    const ended = Promise.withResolvers<void>();
    const service = await serve((socket) => {
      socket.once('close', () => ended.resolve());
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * MIB}\r\n\r\n`);
      socket.write(Buffer.alloc(MIB));
    });
    const { body } = await service.get();
    await body.take();
    body.close();
    await ended.promise;
  });

  it.each([
    { why: 'the connection ends in the head', answer: 'HTTP/1.1 20', message: 'connection was closed' },
    { why: 'it is not HTTP', answer: 'hello\r\n\r\n', message: 'does not speak HTTP/1' },
    { why: 'the head has no end', answer: 'HTTP/1.1 200 OK\r\n'.padEnd(70_000, 'x'), message: 'have no end' },
  ])('fails where $why', async ({ answer, message }) => {
    const service = await serve((socket) => socket.end(answer));
    await expect(service.get()).rejects.toThrow(message);
  });

  it('fails where the connection ends in the body', async () => {
    const service = await serve((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    const { body } = await service.get();
    await expect(textOf(body)).rejects.toThrow('connection was closed');
  });

  it.each([
    { where: 'before the head', begin: '' },
    { where: 'in the body', begin: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc' },
  ])('fails where nothing comes for too long $where', async ({ begin }) => {
    const service = await serve((socket) => socket.write(begin), { silenceMs: 50 });
    await expect(service.get().then(({ body }) => textOf(body))).rejects.toThrow('nothing came for too long');
  });

  it('gives the one who takes all the time that he needs', async () => {
    const content = randomBytes(4 * MIB);
    const service = await serve((socket) => send(socket, content), { silenceMs: 50 });
    const { body } = await service.get();
    let slow = true;
    const pause = async () => {
      if (slow) await sleep(200);
      slow = false;
    };
    expect(await hashOf(body, { pause })).toBe(hash(content));
  });

  it('asks again where the service closed a connection that was idle', async () => {
    const service = await serve((socket, { nth }) => {
      if (nth === 1) socket.destroy();
      else send(socket, Buffer.from('abc'));
    });
    for (const _ of [1, 2]) {
      const { body } = await service.get();
      expect(await textOf(body)).toBe('abc');
      body.close();
    }
    expect(service.connections).toBe(2);
  });

  it('does not use connections that the service is about to close', async () => {
    const service = await serve((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc'),
    );
    for (const _ of [1, 2]) {
      const { body } = await service.get();
      expect(await textOf(body)).toBe('abc');
      body.close();
    }
    expect(service.connections).toBe(2);
  });

  it('lets requests wait where too many are under way', async () => {
    const service = await serve((socket) => send(socket, Buffer.from('abc')));
    const open = await Promise.all(Array.from({ length: 256 }, () => service.get()));
    const late = service.get();
    await sleep(50);
    expect(service.connections).toBe(256);
    for (const { body } of open) {
      await textOf(body);
      body.close();
    }
    expect(await textOf((await late).body)).toBe('abc');
    expect(service.connections).toBe(256);
  });
});

/** @param answer is called for each request. */
async function serve(
  answer: Answer,
  {
    server = createServer(),
    ca,
    silenceMs = 10_000,
  }: { server?: Server; ca?: string; silenceMs?: number } = {},
) {
  const state = { connections: 0, requests: 0 };
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    state.connections += 1;
    const connection = state.connections;
    sockets.add(socket);
    let head = '';
    socket.on('error', () => {}); // clients leave as they like
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      const nth = state.requests;
      state.requests += 1;
      answer(socket, { head, connection, nth });
      head = '';
    });
  };
  const encrypted = ca !== undefined;
  server.on(encrypted ? 'secureConnection' : 'connection', accept);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const others = (tls: { ca?: string }) => {
    const connections = new BodyConnections({
      connectMs: 5000,
      silenceMs,
      idleMs: 5000,
      tls: { rejectUnauthorized: true, ...tls },
    });
    onTestFinished(() => connections[Symbol.dispose]());
    const get = (request: Partial<SignedRequest> = {}) =>
      connections.get({
        protocol: encrypted ? 'https:' : 'http:',
        hostname: '127.0.0.1',
        port,
        method: 'GET',
        path: '/',
        headers: { host: `127.0.0.1:${port}` },
        ...request,
      });
    return { get };
  };
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    get connections() {
      return state.connections;
    },
    others,
    ...others(ca === undefined ? {} : { ca }),
  };
}

function send(socket: Socket, content: Buffer): void {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`);
  socket.write(content);
}

async function hashOf(
  body: Body,
  { pause, pieces = [] }: { pause?: () => Promise<unknown>; pieces?: number[] } = {},
): Promise<string> {
  const hasher = createHash('sha256');
  for (let piece = await body.take(); piece.byteLength > 0; piece = await body.take()) {
    pieces.push(piece.byteLength);
    await pause?.(); // it must stay as it is meanwhile
    hasher.update(piece);
  }
  return hasher.digest('hex');
}

async function textOf(body: Body): Promise<string> {
  let text = '';
  for (let piece = await body.take(); piece.byteLength > 0; piece = await body.take())
    text += Buffer.from(piece).toString();
  return text;
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
