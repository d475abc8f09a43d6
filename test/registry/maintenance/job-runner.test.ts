import { expect, it, vi } from 'vitest';
import { JobRunner, Maintenance, type Task } from '../../../src/registry/maintenance/index.js';
import { openMemoryRegistry, WalkingDriver } from '../repositories/memory-registry.js';

const log = { debug() {}, info() {}, warn() {}, error() {} };

it('a collection waits until the index was compared, and what needs less does not', async () => {
  const registry = openMemoryRegistry({ trash: true });
  const { index, store, sync } = registry;
  const stop = new AbortController();
  const running = new JobRunner(store, new Maintenance(registry), log).run(stop.signal);
  const ask = (task: Task) => index.jobs.add(JSON.stringify(task));
  const outcomeOf = async (id: number) => JSON.parse((await index.jobs.find(id))?.outcome ?? 'null');

  const collect = await ask({ kind: 'collect', dryRun: false, grace: 0, untagged: false, listed: false });
  const empty = await ask({ kind: 'empty-trash', olderThan: 0 });
  await expect.poll(() => outcomeOf(empty)).toMatchObject({ done: { kind: 'empty-trash' } });
  expect(await index.jobs.find(collect)).toEqual({ taken: true, outcome: undefined });
  await sync.run();
  await expect.poll(() => outcomeOf(collect)).toMatchObject({ done: { kind: 'collect' } });
  stop.abort();
  await running;
});

it('a collection does not wait for a comparison that has failed', async () => {
  const driver = new WalkingDriver();
  const registry = openMemoryRegistry({ driver });
  const { index, store, sync } = registry;
  const stop = new AbortController();
  const running = new JobRunner(store, new Maintenance(registry), log).run(stop.signal);
  const task: Task = { kind: 'collect', dryRun: false, grace: 0, untagged: false, listed: false };
  const collect = () => index.jobs.add(JSON.stringify(task));
  const outcomeOf = async (id: number) => JSON.parse((await index.jobs.find(id))?.outcome ?? 'null');

  const away = vi.spyOn(driver, 'walk').mockImplementation(() => {
    throw new Error('the bucket is away');
  });
  const first = await collect();
  await expect.poll(() => index.jobs.find(first)).toMatchObject({ taken: true });
  await expect(sync.run()).rejects.toThrow('the bucket is away');
  await expect
    .poll(() => outcomeOf(first))
    .toEqual({ failed: 'the index could not be compared with the files: the bucket is away' });
  away.mockRestore();
  await sync.run();
  const second = await collect();
  await expect.poll(() => outcomeOf(second)).toMatchObject({ done: { kind: 'collect' } });
  stop.abort();
  await running;
});

it('a collection that was waiting for a server that stops says why it was not done', async () => {
  const registry = openMemoryRegistry();
  const { index, store } = registry;
  const stop = new AbortController();
  const running = new JobRunner(store, new Maintenance(registry), log).run(stop.signal);
  const task: Task = { kind: 'collect', dryRun: false, grace: 0, untagged: false, listed: false };
  const id = await index.jobs.add(JSON.stringify(task));
  await expect.poll(() => index.jobs.find(id)).toMatchObject({ taken: true });
  stop.abort();
  await running;
  const { outcome = '' } = (await index.jobs.find(id)) ?? {};
  expect(JSON.parse(outcome).failed).toContain('still being compared');
});
