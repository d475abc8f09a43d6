import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { type EngineEvent, eventJson } from '../../src/engine/events/event.js';
import { EventBus } from '../../src/engine/events/event-bus.js';
import { acceptsEvent } from '../../src/engine/events/event-filter.js';
import { EVENTS_SCHEMA, RuntimeEvents } from '../../src/runtime/runtime-events.js';
import { SqlFile } from '../../src/sqlite/index.js';

const pull = (name: string): EngineEvent => ({
  type: 'image',
  action: 'pull',
  id: `${name}:1`,
  attributes: { name, team: 'blue' },
});

function newBus(): EventBus {
  const db = new SqlFile(new DatabaseSync(':memory:'));
  db.exec(EVENTS_SCHEMA);
  return new EventBus(new RuntimeEvents(db));
}

describe('EventBus', () => {
  it('keeps of an event what it can hold, and the number of the last', () => {
    const bus = newBus();
    const attributes = { label: 'x'.repeat(1_000_000), name: 'box' };
    bus.post({ type: 'container', action: `exec_start: ${'y'.repeat(5000)}`, id: 'c', attributes });
    const [kept] = bus.after(0);
    expect([kept?.attributes, kept?.action.length, bus.last]).toEqual([{ name: 'box' }, 1024, 1]);
  });

  it('tells what was and what comes, in order, until it is told to stop', async () => {
    const bus = newBus();
    bus.post(pull('before'));
    const stop = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const { id } of bus.follow(0n, stop.signal)) {
        seen.push(id);
        if (seen.length === 1) bus.post(pull('after'));
        if (seen.length === 2) stop.abort();
      }
    })();
    await following;
    expect(seen).toEqual(['before:1', 'after:1']);
  });

  it('knows what was between two times', () => {
    const bus = newBus();
    bus.post(pull('one'));
    expect(bus.between(0n, 2n ** 63n).map(({ id }) => id)).toEqual(['one:1']);
    expect(bus.between(0n, 1n)).toEqual([]);
  });
});

describe('an event', () => {
  const event = { ...pull('reg.example/app'), timeNs: 1_700_000_000_500_000_000n };

  it('has the members that clients know', () =>
    expect(eventJson(event)).toEqual({
      status: 'pull',
      id: 'reg.example/app:1',
      Type: 'image',
      Action: 'pull',
      Actor: { ID: 'reg.example/app:1', Attributes: { name: 'reg.example/app', team: 'blue' } },
      scope: 'local',
      time: 1_700_000_000,
      timeNano: 1_700_000_000_500_000_000,
    }));

  it.each([
    [{}, true],
    [{ type: ['image'] }, true],
    [{ type: ['container'] }, false],
    [{ event: ['push', 'pull'] }, true],
    [{ event: ['pul'] }, false],
    [{ image: ['reg.example/app'] }, true],
    [{ image: ['app'] }, false],
    [{ label: ['team'] }, true],
    [{ label: ['team=blue', 'team=red'] }, false],
    [{ container: ['x'] }, false],
    [{ scope: ['swarm'] }, false],
  ])('with filters %j is accepted: %j', (filters, expected) =>
    expect(acceptsEvent(new Map(Object.entries(filters)), event)).toBe(expected),
  );

  it('is accepted by the beginning of its action', () => {
    const exec = { ...event, action: 'exec_start: sh -c true' };
    expect(acceptsEvent(new Map([['event', ['exec_start']]]), exec)).toBe(true);
  });
});
