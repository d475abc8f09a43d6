/** Batches under way: one being written and hashed while the next one gathers. */
const MAX_UNDER_WAY = 2;

/** Large enough that the cost of a write and of waking a thread no longer shows. */
const MAX_BATCH_BYTES = 512 * 1024;
const MIN_BATCH_BYTES = 64 * 1024;
/** For the batches of all uploads together: many at once get smaller ones, so that memory stays flat. */
const ALL_BATCHES_BYTES = 8 * 1024 * 1024;

/**
 * Hands the chunks of `source` on in batches, in order, reading ahead while earlier batches are worked on.
 * What was read before `source` fails is still handed on.
 */
export async function pumpBatches(
  source: AsyncIterable<Uint8Array>,
  work: (batch: readonly Uint8Array[]) => Promise<unknown>,
  options: { batchBytes: () => number },
): Promise<void> {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  let last: Promise<unknown> = Promise.resolve();
  const underWay: Promise<unknown>[] = [];
  const send = async () => {
    const ready = batch;
    batch = [];
    bytes = 0;
    last = last.then(() => work(ready));
    last.catch(() => {}); // reported by the next await below
    underWay.push(last);
    if (underWay.length >= MAX_UNDER_WAY) await underWay.shift();
  };
  try {
    for await (const chunk of source) {
      batch.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= options.batchBytes()) await send();
    }
  } finally {
    if (bytes > 0) await send();
    await last;
  }
}

/** For each of so many uploads that are under way. */
export function batchBytesFor(uploads: number): number {
  return Math.max(MIN_BATCH_BYTES, Math.min(MAX_BATCH_BYTES, ALL_BATCHES_BYTES / uploads));
}
