import { describe, expect, it } from 'vitest';
import { type AddressedEvent, type EventQueue, eventOf } from '../../../src/registry/events/index.js';
import { push, SOURCE } from './deeds.js';

const NOON = new Date('2026-11-28T12:00:00Z');
export const FOREVER = { durable: true, maxWaiting: () => 1000 };

/** Events of pushes of these tags, for these endpoints. */
export function events(tags: readonly string[], endpoints: readonly string[], at = NOON): AddressedEvent[] {
  return tags.map((tag) => ({
    event: eventOf(push(`app:${tag}`), undefined, { source: SOURCE, references: false, at }),
    endpoints,
  }));
}

export async function next(queue: EventQueue, endpoint: string): Promise<string[]> {
  return (await queue.next(endpoint, 100)).map(({ body }) => JSON.parse(body).target.tag);
}

export async function deliver(queue: EventQueue, endpoint: string, count: number): Promise<void> {
  const ids = (await queue.next(endpoint, count)).map(({ id }) => id);
  await queue.delivered(ids, NOON);
}

/** @param open an empty queue. */
export function describeEventQueue(name: string, open: () => Promise<EventQueue>): void {
  describe(`a queue of events in ${name}`, () => {
    it('gives each endpoint its own, in order, until they are delivered', async () => {
      await using queue = await open();
      await queue.put(events(['v1', 'v2'], ['a', 'b']), FOREVER);
      await queue.put(events(['v3'], ['b']), FOREVER);
      await deliver(queue, 'a', 1);
      expect(await next(queue, 'a')).toEqual(['v2']);
      expect(await next(queue, 'b')).toEqual(['v1', 'v2', 'v3']);
      expect(await queue.waiting()).toEqual(
        new Map([
          ['a', 1],
          ['b', 3],
        ]),
      );
    });

    it('gives up the oldest when too many wait, and says how many', async () => {
      await using queue = await open();
      const bounded = { durable: false, maxWaiting: (endpoint: string) => (endpoint === 'a' ? 2 : 10) };
      expect(await queue.put(events(['v1', 'v2'], ['a', 'b']), bounded)).toEqual(new Map());
      expect(await queue.put(events(['v3', 'v4'], ['a', 'b']), bounded)).toEqual(new Map([['a', 2]]));
      expect(await next(queue, 'a')).toEqual(['v3', 'v4']);
      expect(await next(queue, 'b')).toEqual(['v1', 'v2', 'v3', 'v4']);
    });

    it('sends again what was delivered, behind what waits, and nothing twice', async () => {
      await using queue = await open();
      await queue.put(events(['v1', 'v2', 'v3'], ['a']), FOREVER);
      await deliver(queue, 'a', 2);
      const kept = await queue.list({ limit: 10 });
      const seqs = kept.map(({ seq }) => seq);
      expect(await queue.again('a', seqs)).toBe(2);
      expect(await next(queue, 'a')).toEqual(['v3', 'v1', 'v2']);
      expect(await queue.again('new', seqs.slice(0, 1))).toBe(1);
      expect(await next(queue, 'new')).toEqual(['v1']);
    });

    it('lists what is kept, page by page', async () => {
      await using queue = await open();
      const later = new Date(NOON.getTime() + 1000);
      await queue.put(events(['v1'], ['a']), FOREVER);
      await queue.put(events(['v2', 'v3'], ['a'], later), FOREVER);
      await deliver(queue, 'a', 2);
      const [first] = await queue.list({ since: later, limit: 1 });
      expect(first).toMatchObject({ at: later, action: 'push', repository: 'app', tag: 'v2' });
      expect(first?.deliveries).toEqual([{ endpoint: 'a', deliveredAt: NOON }]);
      const rest = await queue.list({ after: first?.seq ?? 0, limit: 10 });
      expect(rest.map(({ tag, deliveries }) => [tag, deliveries])).toEqual([
        ['v3', [{ endpoint: 'a', deliveredAt: undefined }]],
      ]);
    });

    it('forgets what is old or too much, but nothing that waits', async () => {
      await using queue = await open();
      const tags = async () => (await queue.list({ limit: 10 })).map(({ tag }) => tag);
      await queue.put(events(['v1', 'v2'], ['a', 'b']), FOREVER);
      await queue.put(events(['v3', 'v4', 'v5'], ['a'], new Date(NOON.getTime() + 1000)), FOREVER);
      await deliver(queue, 'a', 4);
      await deliver(queue, 'b', 1);
      expect(await queue.prune({ since: new Date(NOON.getTime() + 1), most: 10 })).toBe(false);
      expect(await tags()).toEqual(['v2', 'v3', 'v4', 'v5']);
      await queue.prune({ since: NOON, most: 1 });
      expect(await tags()).toEqual(['v2', 'v5']);
    });

    it('gives up what waits for endpoints that are no more', async () => {
      await using queue = await open();
      await queue.put(events(['v1'], ['a', 'b']), FOREVER);
      expect(await queue.retain(['a'])).toEqual(new Map([['b', 1]]));
      expect([await next(queue, 'a'), await next(queue, 'b')]).toEqual([['v1'], []]);
      expect(await queue.retain(['a'])).toEqual(new Map());
    });
  });
}
