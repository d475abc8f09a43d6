import { describe, expect, it } from 'vitest';
import { type LockClient, type LockReply, LockServer, RemoteLocks } from '../../src/locks/index.js';
import { describeLocks } from './contract.js';

const NEVER = new AbortController().signal;

/** A process, whose messages take a turn of the event loop. */
function connect(server: LockServer): { locks: RemoteLocks; client: LockClient } {
  let listener: ((reply: LockReply) => void) | undefined;
  const client = server.connect((reply) => setImmediate(() => listener?.(reply)));
  const locks = new RemoteLocks({
    send: (request) => setImmediate(() => client.take(request)),
    listen: (to) => {
      listener = to;
    },
    lost: NEVER,
  });
  return { locks, client };
}

describeLocks('RemoteLocks', async () => {
  const server = new LockServer();
  const [one, other] = [connect(server), connect(server)];
  return { one: one.locks, other: other.locks, [Symbol.asyncDispose]: async () => {} };
});

describe('LockServer', () => {
  it('frees what a process held, and waited for, when it is gone', async () => {
    const server = new LockServer();
    const [one, other, third] = [connect(server), connect(server), connect(server)];
    await one.locks.acquire('x', 'alone');
    await one.locks.acquire('y', 'together');
    void other.locks.acquireAll([
      { key: 'w', mode: 'alone' },
      { key: 'x', mode: 'alone' },
    ]);
    const next = third.locks.acquire('x', 'alone');
    await new Promise((resolve) => setTimeout(resolve, 20));
    other.client.close();
    one.client.close();
    await next;
    for (const key of ['w', 'y']) expect(await third.locks.tryAcquire(key, 'alone')).toBeDefined();
    one.client.take({ lock: 'try', id: 99, key: 'z', mode: 'alone' });
    expect(await third.locks.tryAcquire('z', 'alone')).toBeDefined();
  });
});
