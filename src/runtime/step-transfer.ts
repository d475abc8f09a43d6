import type { LayerStack, MountSource, RunMount, RunStep, StackLayer } from '../layer/index.js';
import type { Digest } from '../oci/index.js';

/** A layer whose bytes are read from the other process, by the number of its source there. */
export type SentLayer = Readonly<{ diffID: Digest; path?: string; source: number }>;

/** A {@link RunStep} as plain data: its functions stay where they are, and are known by `id`. */
export type SentStep = Readonly<{ id: number; step: Omit<RunStep, 'onOutput' | 'signal'> }>;

/** Layers that another process may read. Forgotten with the process. */
export class LayerSources {
  readonly #layers: StackLayer[] = [];
  readonly #readers = new Map<number, AsyncIterator<Uint8Array>>();
  #nextReader = 0;

  send(layer: StackLayer): SentLayer {
    const source = this.#layers.push(layer) - 1;
    return { diffID: layer.diffID, source, ...(layer.path !== undefined && { path: layer.path }) };
  }

  /** @returns the number of a reader, for {@link read}. */
  open(source: number): number {
    const layer = this.#layers[source];
    if (!layer) throw new RangeError(`no such layer: ${source}`);
    this.#nextReader += 1;
    this.#readers.set(this.#nextReader, layer.open()[Symbol.asyncIterator]());
    return this.#nextReader;
  }

  /** The next bytes; `undefined` at the end, when the reader is gone. */
  async read(reader: number): Promise<Uint8Array | undefined> {
    const next = await this.#readers.get(reader)?.next();
    if (next && !next.done) return next.value;
    this.#readers.delete(reader);
    return undefined;
  }

  async cancel(reader: number): Promise<void> {
    await this.#readers.get(reader)?.return?.();
    this.#readers.delete(reader);
  }
}

type Call = (method: string, argument: unknown) => Promise<unknown>;

/** The layer on the receiving side. */
export function receivedLayer({ diffID, path, source }: SentLayer, call: Call): StackLayer {
  return {
    diffID,
    ...(path !== undefined && { path }),
    async *open() {
      const reader = await call('openLayer', source);
      try {
        for (;;) {
          const chunk = (await call('readLayer', reader)) as Uint8Array | undefined;
          if (chunk === undefined) return;
          yield chunk;
        }
      } finally {
        await call('cancelLayer', reader);
      }
    },
  };
}

/** The same step with other layers, wherever it has some: what is sent has {@link SentLayer}s in their place. */
export function withLayers<T extends Omit<RunStep, 'onOutput' | 'signal'>>(
  step: T,
  change: (layer: StackLayer) => StackLayer,
): T {
  const stack = (layers: LayerStack) => layers.map(change);
  const source = (from: MountSource): MountSource =>
    'stack' in from ? { ...from, stack: stack(from.stack) } : from;
  const mount = (one: RunMount): RunMount => {
    if (one.type === 'bind') return { ...one, source: source(one.source) };
    if (one.type === 'cache' && one.seed) return { ...one, seed: source(one.seed) };
    return one;
  };
  return { ...step, stack: stack(step.stack), mounts: step.mounts.map(mount) };
}
