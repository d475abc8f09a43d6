import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SqliteQueue } from '../../../src/registry/events/index.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { deliver, describeEventQueue, events, FOREVER, next } from './queue-contract.js';

describeEventQueue('SQLite', async () => new SqliteQueue(':memory:'));

describe('SqliteQueue', () => {
  it('is there after its process, and for others beside it', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'berth', 'events.sqlite');
    {
      await using queue = new SqliteQueue(path);
      await using other = new SqliteQueue(path);
      await Promise.all([1, 2, 3].map((i) => queue.put(events([`v${i}`], ['a']), FOREVER)));
      await other.put(events(['v4'], ['a']), FOREVER);
      await deliver(other, 'a', 1);
      expect(await next(queue, 'a')).toEqual(['v2', 'v3', 'v4']);
    }
    await using queue = new SqliteQueue(path);
    expect(await next(queue, 'a')).toEqual(['v2', 'v3', 'v4']);
  });
});
