import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { takePort } from '../../../src/linux/index.js';
import { PortRelay } from '../../../src/runtime/networks/port-relay.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const LOOPBACK = Uint8Array.from({ length: 16 }, (_, at) => Number(at === 15));

/** A relay from a free port of ::1. */
async function relayTo(protocol: 'tcp' | 'udp', containerPort: number) {
  const folder = await temporaryFolder();
  const relay = new PortRelay(join(folder.path, 'relays', 'one'));
  const { fd, port } = takePort(LOOPBACK, 0, protocol);
  const taken = { fd, port: { hostIp: '::1', hostPort: port, containerPort, protocol } };
  const lifeline = relay.start([taken], []);
  let isOpen = true;
  const end = () => {
    if (isOpen) closeSync(lifeline);
    isOpen = false;
  };
  onTestFinished(async () => {
    end();
    await folder[Symbol.asyncDispose]();
  });
  return { relay, port, end };
}

/** Answers with what it is sent, on this address; the same port on every address that is asked for. */
async function echoOn(address: string, wanted = 0, prefix = ''): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.write(prefix);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(wanted, address, resolve));
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

function answered(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = connect({ host: '::1', port, allowHalfOpen: true });
  socket.end(bytes);
  return buffer(socket);
}

describe('a relay of published ports', () => {
  it('takes streams to the container to their ends, many at once, and follows it to another address', async () => {
    const container = await echoOn('127.0.0.1');
    await echoOn('127.0.0.2', container, 'moved ');
    const { relay, port } = await relayTo('tcp', container);
    relay.lead('127.0.0.1');
    const sent = randomBytes(3_000_000);
    const answers = await Promise.all([answered(port, sent), answered(port, sent.subarray(7))]);
    expect(answers[0].equals(sent) && answers[1].equals(sent.subarray(7))).toBe(true);
    relay.lead('127.0.0.2');
    await expect.poll(async () => String(await answered(port, Buffer.from('on')))).toBe('moved on');
    relay.lead('');
    await expect.poll(async () => String(await answered(port, Buffer.of()).catch(() => ''))).toBe('');
  });

  it('takes datagrams there, and answers back to whoever has sent them', async () => {
    const server = createSocket('udp4', (text, { port, address }) => server.send(`${text}!`, port, address));
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { relay, port } = await relayTo('udp', server.address().port);
    relay.lead('127.0.0.1');
    const replies = ['one', 'two'].map(async (text) => {
      const client = createSocket('udp6');
      onTestFinished(() => void client.close());
      const reply = new Promise((resolve) => client.once('message', (bytes) => resolve(String(bytes))));
      client.send(text, port, '::1');
      return reply;
    });
    expect(await Promise.all(replies)).toEqual(['one!', 'two!']);
  });

  it('takes datagrams of who has sent some before to where the container is now', async () => {
    const [first, then] = ['first', 'then'].map((name) => {
      const server = createSocket('udp4', (_, { port, address }) => server.send(name, port, address));
      onTestFinished(() => void server.close());
      return server;
    }) as [Socket, Socket];
    await new Promise<void>((resolve) => first.bind(0, '127.0.0.1', resolve));
    const { port: containerPort } = first.address();
    await new Promise<void>((resolve) => then.bind(containerPort, '127.0.0.2', resolve));
    const { relay, port } = await relayTo('udp', containerPort);
    const client = createSocket('udp6');
    onTestFinished(() => void client.close());
    const answers: string[] = [];
    client.on('message', (bytes) => answers.push(String(bytes)));
    for (const [address, name] of [
      ['127.0.0.1', 'first'],
      ['127.0.0.2', 'then'],
    ] as const) {
      relay.lead(address);
      await vi.waitFor(() => {
        client.send('who', port, '::1');
        expect(answers.at(-1)).toBe(name);
      }, 10_000);
    }
  });

  it('ends, and leaves its ports, with whoever has its descriptor', async () => {
    const { port, end } = await relayTo('tcp', 1);
    expect(() => takePort(LOOPBACK, port, 'tcp')).toThrow('EADDRINUSE');
    end();
    await vi.waitFor(() => closeSync(takePort(LOOPBACK, port, 'tcp').fd), 10_000);
  });
});
