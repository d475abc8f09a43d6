import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  DeliveryLoop,
  type Endpoint,
  type EventQueue,
  Notifier,
  Sender,
  SqliteQueue,
} from '../../../src/registry/events/index.js';
import { EventReceiver } from '../../support/event-receiver.js';
import { push, SOURCE } from './deeds.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

function endpoint(url: string, more: Partial<Endpoint> = {}): Endpoint {
  return {
    ...{
      name: 'ci',
      disabled: false,
      url: new URL(url),
      headers: {},
      timeoutMs: 1000,
      threshold: 3,
      backoffMs: 50,
    },
    ...{
      ignored: { mediaTypes: new Set(), actions: new Set() },
      wanted: {},
      secret: undefined,
      maxWaiting: 100,
    },
    ...more,
  };
}

/** A queue with a notifier in front, and a loop behind it that runs until the end of the test. */
function started(target: Endpoint, queue: EventQueue, log = quiet) {
  const stop = new AbortController();
  const sender = new Sender(target, {});
  const loop = new DeliveryLoop(target, { queue, sender, log, observer: undefined });
  const running = loop.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
    sender[Symbol.dispose]();
    await queue.close();
  });
  const onQueued = () => loop.wake();
  return new Notifier({
    ...{ queue, endpoints: [target], source: SOURCE, references: false, log, observer: undefined, onQueued },
  });
}

describe('deliveries', () => {
  it('are tried again until they are taken, one after the other', async () => {
    await using receiver = await EventReceiver.start();
    receiver.status = 500;
    const notifier = started(endpoint(`${receiver.url}/ci`), new SqliteQueue(':memory:'));
    await notifier.tell([push('app:v1'), push('app:v2')], undefined);
    notifier.tellLater(push('app:v3'), undefined);
    await sleep(200);
    receiver.status = 204;
    const tags = () => receiver.events('/ci').map(({ target }) => target.tag);
    await expect.poll(tags).toEqual(['v1', 'v2', 'v3']);
  });

  it('follow a receiver that has moved, and take credentials to no other host', async () => {
    await using receiver = await EventReceiver.start();
    await using elsewhere = await EventReceiver.start();
    receiver.redirect = `${elsewhere.url.replace('127.0.0.1', 'localhost')}/new`;
    const headers = { Authorization: ['Bearer a'], 'content-type': ['application/json'] };
    const notifier = started(endpoint(receiver.url, { headers }), new SqliteQueue(':memory:'));
    await notifier.tell([push('app:v1')], undefined);
    await expect.poll(() => elsewhere.events('/new').length).toBe(1);
    expect(elsewhere.posts[0]?.headers.authorization).toBeUndefined();
    receiver.redirect = `${receiver.url}/new`;
    await notifier.tell([push('app:v2')], undefined);
    await expect.poll(() => receiver.events('/new').length).toBe(1);
    expect(receiver.posts[0]?.headers).toMatchObject({
      ...{ authorization: 'Bearer a', 'content-type': 'application/json' },
    });
  });
});

describe('a queue that cannot be written', () => {
  it('holds up nobody, and loses nothing while the process lives', async () => {
    await using receiver = await EventReceiver.start();
    const queue = new SqliteQueue(':memory:');
    let broken = true;
    const put: EventQueue['put'] = async (...args) => {
      if (broken) throw new Error('disk full');
      return queue.put(...args);
    };
    const notifier = started(
      endpoint(`${receiver.url}/ci`),
      Object.assign(Object.create(queue), bound(queue), { put }),
    );
    await notifier.tell([push('app:v1')], undefined);
    await notifier.tell([push('app:v2')], undefined);
    expect(notifier.problem).toMatchObject({ message: 'disk full' });
    broken = false;
    const tags = () => receiver.events('/ci').map(({ target }) => target.tag);
    await expect.poll(tags).toEqual(['v1', 'v2']);
    expect(notifier.problem).toBeUndefined();
  });
});

/** Methods that work on another object. */
function bound(queue: SqliteQueue) {
  return {
    next: queue.next.bind(queue),
    delivered: queue.delivered.bind(queue),
    close: queue.close.bind(queue),
  };
}
