// Makes containers as root of a user namespace, for a process outside that is not root. Started by user-namespace.ts
// with its options as JSON; ends, and cleans up, when that process closes the channel or is gone.

import type { FailedContainer } from '../layer/index.js';
import { Channel } from './channel.js';
import { LocalContainers } from './local-containers.js';
import type { MachineOptions } from './machine.js';
import type { SentOutcome } from './remote-containers.js';
import { receivedLayer, type SentLayer, type SentStep, withLayers } from './step-transfer.js';

const containers = LocalContainers.open(JSON.parse(process.argv[2] ?? '{}') as MachineOptions);
containers.catch(() => {}); // whoever asks for something hears of it

const everything = new AbortController();
const running = new Map<number, AbortController>();
const failed = new Map<number, FailedContainer>();

const channel = new Channel(process, {
  run,
  ensure,
  abort: (id: number) => running.get(id)?.abort(),
  shell: (id: number) => failed.get(id)?.shell(),
  discardFailed: async (id: number) => {
    await failed.get(id)?.[Symbol.asyncDispose]();
    failed.delete(id);
  },
  discardTrees: async (paths: readonly string[]) => (await containers).discard(paths),
  pruneSnapshots: async (keep: readonly string[]) => (await containers).pruneSnapshots(keep),
});
const call = channel.call.bind(channel);

// The terminal sends these to us too; the process outside decides what they mean.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.once('disconnect', () => void end());

async function run({ id, step }: SentStep): Promise<SentOutcome> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const outcome = await (await containers).run({
      ...withLayers(step, (layer) => receivedLayer(layer as never, call)),
      onOutput: async (stream, chunk) => void (await call('output', { id, stream, chunk })),
      signal: AbortSignal.any([controller.signal, everything.signal]),
    });
    if (outcome.layer || !outcome.failed) return outcome as SentOutcome;
    failed.set(id, outcome.failed);
    return { exitCode: outcome.exitCode, failed: id };
  } finally {
    running.delete(id);
  }
}

async function ensure(stack: readonly SentLayer[]): Promise<readonly string[]> {
  const layers = stack.map((layer) => receivedLayer(layer, call));
  return (await containers).ensure(layers, { signal: everything.signal });
}

async function end(): Promise<void> {
  channel.close(new Error('the process outside is gone'));
  everything.abort();
  await (await containers.catch(() => undefined))?.[Symbol.asyncDispose]();
  process.exit(0);
}
