import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scheduleDeliveries } from '../../src/cli/schedule-deliveries.js';
import { loadConfig } from '../../src/registry/config/index.js';
import { SqliteQueue } from '../../src/registry/events/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const { config } = loadConfig({ env: {} });

/** A loop that only says whether it runs. */
class Turn {
  runs = false;

  async run(signal: AbortSignal): Promise<void> {
    this.runs = true;
    await once(signal, 'abort');
    this.runs = false;
  }
}

it('of those that share a queue one delivers, and another one once that has ended', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'events.sqlite');
  await using queue = new SqliteQueue(path);
  const start = () => {
    const stop = new AbortController();
    const loop = new Turn();
    const ended = scheduleDeliveries(
      config,
      { place: { file: path }, queue, loops: [loop], locks: undefined, log: quiet },
      stop.signal,
    );
    const end = async () => {
      stop.abort();
      await ended;
    };
    return { loop, end };
  };
  const [first, second, third] = [start(), start(), start()];
  await expect.poll(() => first.loop.runs).toBe(true);
  expect(second.loop.runs).toBe(false);
  await third.end();
  await first.end();
  await expect.poll(() => second.loop.runs).toBe(true);
  await second.end();
});
